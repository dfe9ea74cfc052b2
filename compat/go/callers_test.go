package compat

import (
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapimodels "github.com/alibabacloud-go/darabonba-openapi/v2/models"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

const (
	apiVersion = "2020-06-06"
	metric     = "GetChatappPhoneNumberMetric"
	darabonba  = "github.com/alibabacloud-go/darabonba-openapi/v2"
	sdkGo      = "github.com/aliyun/alibaba-cloud-sdk-go"
)

// caller is one way in which one SDK can call.
type caller struct {
	name      string
	module    string
	signature string
	// call gives the answer's body, or a *failure when the SDK reported an
	// error of its own type; anything else is a fault.
	call func(t *testing.T, on *fixture, c testCase) (map[string]any, error)
}

// failure is an error as the SDK reported it.
type failure struct {
	refusal
	requestID string
	detail    map[string]any
	kind      error
}

func (f *failure) Error() string {
	return f.Code + ": " + f.Message
}

//go:embed go.mod
var goMod string

// version is the version of a module in go.mod.
func version(module string) string {
	_, rest, _ := strings.Cut(goMod, module+" v")
	version, _, _ := strings.Cut(rest, "\n")
	return version
}

func callers() []caller {
	return []caller{
		{"generic POST", darabonba, "ACS3-HMAC-SHA256", generic(teaOptions{method: "POST"})},
		{"generic GET", darabonba, "ACS3-HMAC-SHA256", generic(teaOptions{method: "GET"})},
		{"own errors", darabonba, "ACS3-HMAC-SHA256", generic(teaOptions{method: "POST", ownErrors: true})},
		{"generic SM3", darabonba, "ACS3-HMAC-SM3", generic(teaOptions{method: "POST", algorithm: "ACS3-HMAC-SM3"})},
		{"generic V1 POST", darabonba, "RPC 1.0", generic(teaOptions{method: "POST", algorithm: "v2"})},
		{"generic V1 GET", darabonba, "RPC 1.0", generic(teaOptions{method: "GET", algorithm: "v2"})},
		{"CommonRequest POST", sdkGo, "RPC 1.0", common("POST", false)},
		{"CommonRequest GET", sdkGo, "RPC 1.0", common("GET", false)},
		{"as the CLI", sdkGo, "RPC 1.0", common("POST", true)},
	}
}

type teaOptions struct {
	method    string
	algorithm string
	// ownErrors asks for the errors of this SDK instead of those of Tea.
	ownErrors bool
}

func generic(options teaOptions) func(*testing.T, *fixture, testCase) (map[string]any, error) {
	return func(t *testing.T, on *fixture, c testCase) (map[string]any, error) {
		key := on.Keys[c.Key]
		config := new(openapimodels.Config).
			SetAccessKeyId(key[0]).
			SetAccessKeySecret(key[1]).
			SetEndpoint(on.Endpoint).
			SetProtocol(strings.ToUpper(on.Scheme))
		if len(key) > 2 {
			config.SetSecurityToken(key[2])
		}
		if options.algorithm != "" {
			config.SetSignatureAlgorithm(options.algorithm)
		}
		if on.CAFile != "" {
			config.SetCa(read(t, on.CAFile))
		}
		client, err := openapi.NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		client.DisableSDKError = tea.Bool(options.ownErrors)
		params := new(openapimodels.Params).
			SetAction(metric).
			SetVersion(apiVersion).
			SetProtocol(strings.ToUpper(on.Scheme)).
			SetPathname("/").
			SetMethod(options.method).
			SetAuthType("AK").
			SetStyle("RPC").
			SetReqBodyType("formData").
			SetBodyType("json")
		query := map[string]*string{}
		for name, value := range c.Parameters {
			query[name] = tea.String(wire(value))
		}
		request := &openapimodels.OpenApiRequest{Query: query}
		if c.ClockS != 0 {
			// The SDK lets a caller write the time of a request.
			stamp := tea.String(time.Now().UTC().Add(seconds(c.ClockS)).Format("2006-01-02T15:04:05Z"))
			if options.algorithm == "v2" {
				query["Timestamp"] = stamp
			} else {
				request.Headers = map[string]*string{"x-acs-date": stamp}
			}
		}
		answer, err := client.CallApi(params, request, &dara.RuntimeOptions{})
		if err != nil {
			return nil, teaFailure(err, options.ownErrors)
		}
		return answer["body"].(map[string]any), nil
	}
}

func teaFailure(err error, own bool) error {
	var ours *openapi.ClientError
	if own && errors.As(err, &ours) && ours.StatusCode != nil {
		return &failure{
			refusal:   refusal{tea.StringValue(ours.Code), tea.IntValue(ours.StatusCode), tea.StringValue(ours.Message)},
			requestID: tea.StringValue(ours.RequestId),
			detail:    ours.AccessDeniedDetail,
			kind:      err,
		}
	}
	var shared *tea.SDKError
	if !own && errors.As(err, &shared) && shared.Data != nil {
		var data map[string]any
		if json.Unmarshal([]byte(*shared.Data), &data) != nil {
			return err
		}
		requestID, _ := data["RequestId"].(string)
		return &failure{
			refusal:   refusal{tea.StringValue(shared.Code), tea.IntValue(shared.StatusCode), tea.StringValue(shared.Message)},
			requestID: requestID,
			detail:    shared.AccessDeniedDetail,
			kind:      err,
		}
	}
	return err
}

// common calls with CommonRequest; asCLI adds what the vendor's command line
// adds to its calls over the same core.
func common(method string, asCLI bool) func(*testing.T, *fixture, testCase) (map[string]any, error) {
	return func(t *testing.T, on *fixture, c testCase) (map[string]any, error) {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		if on.CAFile != "" {
			trusted := x509.NewCertPool()
			if !trusted.AppendCertsFromPEM([]byte(read(t, on.CAFile))) {
				t.Fatal("no certificate")
			}
			transport.TLSClientConfig = &tls.Config{RootCAs: trusted}
		}
		send := func() (map[string]any, error) {
			return sendCommon(on, c, method, asCLI, transport)
		}
		if c.ClockS == 0 {
			return send()
		}
		// This SDK reads the clock itself; in a bubble the clock starts in 2000
		// and jumps over every sleep.
		real := time.Now()
		var body map[string]any
		var err error
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(real.Add(seconds(c.ClockS)).Sub(time.Now()))
			body, err = send()
			transport.CloseIdleConnections()
		})
		return body, err
	}
}

func sendCommon(on *fixture, c testCase, method string, asCLI bool, transport *http.Transport) (map[string]any, error) {
	key := on.Keys[c.Key]
	var credential any = credentials.NewAccessKeyCredential(key[0], key[1])
	if len(key) > 2 {
		credential = credentials.NewStsTokenCredential(key[0], key[1], key[2])
	}
	client := &sdk.Client{}
	if asCLI {
		client.SourceIp, client.SecureTransport = "203.0.113.7", "true"
	}
	config := sdk.NewConfig().WithScheme(strings.ToUpper(on.Scheme)).WithHttpTransport(transport)
	if err := client.InitWithOptions("ap-southeast-1", config, credential); err != nil {
		return nil, err
	}
	defer client.Shutdown()
	request := requests.NewCommonRequest()
	request.Method = method
	request.Scheme = strings.ToUpper(on.Scheme)
	request.Domain = on.Endpoint
	request.Product = "cams"
	request.Version = apiVersion
	request.ApiName = metric
	for name, value := range c.Parameters {
		request.QueryParams[name] = wire(value)
	}
	answer, err := client.ProcessCommonRequest(request)
	var theirs *sdkerrors.ServerError
	if errors.As(err, &theirs) {
		return nil, &failure{
			refusal:   refusal{theirs.ErrorCode(), theirs.HttpStatus(), theirs.Message()},
			requestID: theirs.RequestId(),
			detail:    theirs.AccessDeniedDetail(),
			kind:      err,
		}
	}
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(answer.GetHttpContentString()))
	decoder.UseNumber()
	var body map[string]any
	return body, decoder.Decode(&body)
}

func seconds(count int) time.Duration {
	return time.Duration(count) * time.Second
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
