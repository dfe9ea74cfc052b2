// Package client is ours, in the shape of the generated client that cannot be had here:
// ../../README.md.
package client

import (
	"strconv"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapimodels "github.com/alibabacloud-go/darabonba-openapi/v2/models"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
)

type Client struct {
	openapi.Client
}

func NewClient(config *openapi.Config) (*Client, error) {
	client := new(Client)
	return client, client.Init(config)
}

type GetChatappPhoneNumberMetricRequest struct {
	CustSpaceId *string
	End         *int64
	Granularity *string
	IsvCode     *string
	PhoneNumber *string
	Start       *int64
}

type GetChatappPhoneNumberMetricResponse struct {
	Body *GetChatappPhoneNumberMetricResponseBody `json:"body"`
}

type GetChatappPhoneNumberMetricResponseBody struct {
	Data []*GetChatappPhoneNumberMetricResponseBodyData `json:"Data"`
}

type GetChatappPhoneNumberMetricResponseBodyData struct {
	DeliveredCount *int32  `json:"DeliveredCount"`
	End            *int64  `json:"End"`
	Granularity    *string `json:"Granularity"`
	PhoneNumber    *string `json:"PhoneNumber"`
	SentCount      *int32  `json:"SentCount"`
	Start          *int64  `json:"Start"`
}

func (client *Client) GetChatappPhoneNumberMetric(request *GetChatappPhoneNumberMetricRequest) (*GetChatappPhoneNumberMetricResponse, error) {
	query := map[string]*string{}
	for name, value := range map[string]*string{
		"CustSpaceId": request.CustSpaceId,
		"Granularity": request.Granularity,
		"IsvCode":     request.IsvCode,
		"PhoneNumber": request.PhoneNumber,
	} {
		if value != nil {
			query[name] = value
		}
	}
	for name, value := range map[string]*int64{"End": request.End, "Start": request.Start} {
		if value != nil {
			query[name] = tea.String(strconv.FormatInt(*value, 10))
		}
	}
	params := new(openapimodels.Params).
		SetAction("GetChatappPhoneNumberMetric").
		SetVersion("2020-06-06").
		SetProtocol("HTTPS").
		SetPathname("/").
		SetMethod("POST").
		SetAuthType("AK").
		SetStyle("RPC").
		SetReqBodyType("formData").
		SetBodyType("json")
	answer, err := client.CallApi(params, &openapimodels.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	response := new(GetChatappPhoneNumberMetricResponse)
	return response, dara.Convert(answer, response)
}
