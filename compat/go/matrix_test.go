package compat

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
)

// windowPause is a little more than the rolling second of the throttle.
const windowPause = 1050 * time.Millisecond

var requestID = regexp.MustCompile(`^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$`)

func TestHTTP(t *testing.T) {
	matrix(t, "http")
}

func TestHTTPS(t *testing.T) {
	matrix(t, "https")
}

// matrix runs every case with every way to call.
func matrix(t *testing.T, scheme string) {
	on := start(t, scheme)
	for _, caller := range callers() {
		t.Run(caller.name, func(t *testing.T) {
			for _, c := range on.Cases {
				t.Run(c.Column+": "+c.Name, func(t *testing.T) {
					defer func() { record(t, caller, scheme, c.Column) }()
					check(t, on, caller, c)
				})
			}
		})
	}
}

func check(t *testing.T, on *fixture, caller caller, c testCase) {
	if c.Calls > 0 {
		throttled(t, on, caller, c)
		return
	}
	body, err := caller.call(t, on, c)
	if c.Refused == nil {
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, c, body)
		return
	}
	checkRefusal(t, caller, c, err)
}

func checkAnswer(t *testing.T, c testCase, body map[string]any) {
	for name, wanted := range map[string]string{"Code": "OK", "Message": "None", "AccessDeniedDetail": "NONE"} {
		if body[name] != wanted {
			t.Errorf("%s is %v", name, body[name])
		}
	}
	if id, _ := body["RequestId"].(string); !requestID.MatchString(id) {
		t.Errorf("RequestId is %v", body["RequestId"])
	}
	granularity := "DAILY"
	if wanted, _ := c.Parameters["Granularity"].(string); wanted != "" {
		granularity = wanted
	}
	found := [][]string{}
	for _, element := range body["Data"].([]any) {
		row := element.(map[string]any)
		found = append(found, text(row["Start"], row["End"], row["PhoneNumber"], row["SentCount"], row["DeliveredCount"]))
		if row["Granularity"] != granularity {
			t.Errorf("Granularity is %v", row["Granularity"])
		}
	}
	wanted := [][]string{}
	for _, row := range c.Rows {
		wanted = append(wanted, text(row...))
	}
	if !reflect.DeepEqual(found, wanted) {
		t.Errorf("%d rows, not the %d of the model", len(found), len(wanted))
	}
}

// text writes numbers as the wire does, whatever type the SDK gave them.
func text(values ...any) []string {
	written := []string{}
	for _, value := range values {
		if number, ok := value.(float64); ok {
			value = fmt.Sprintf("%.0f", number)
		}
		written = append(written, fmt.Sprint(value))
	}
	return written
}

func checkRefusal(t *testing.T, caller caller, c testCase, err error) {
	t.Helper()
	var failed *failure
	if !errors.As(err, &failed) {
		t.Fatalf("not the SDK's own error: %v", err)
	}
	if failed.Code != c.Refused.Code || failed.Status != c.Refused.Status {
		t.Errorf("%d %s", failed.Status, failed.Code)
	}
	if !strings.Contains(failed.Message, c.Refused.Message) {
		t.Errorf("the message is %q", failed.Message)
	}
	if !requestID.MatchString(failed.requestID) {
		t.Errorf("the request id is %q", failed.requestID)
	}
	for name, wanted := range c.Detail {
		if failed.detail[name] != wanted {
			t.Errorf("AccessDeniedDetail.%s is %v", name, failed.detail[name])
		}
	}
	var theirs *sdkerrors.ServerError
	if c.Column == "wrong secret" && errors.As(failed.kind, &theirs) {
		// This SDK compares the server's string to sign with its own; only equal
		// strings lead to this advice.
		if !strings.HasPrefix(theirs.Recommend(), "InvalidAccessKeySecret") {
			t.Errorf("the advice is %q", theirs.Recommend())
		}
	}
}

// throttled makes the calls that are still allowed and one more, within a second.
func throttled(t *testing.T, on *fixture, caller caller, c testCase) {
	for range 3 {
		time.Sleep(windowPause)
		started := time.Now()
		for range c.Calls {
			if _, err := caller.call(t, on, c); err != nil {
				t.Fatal(err)
			}
		}
		_, err := caller.call(t, on, c)
		if time.Since(started) < time.Second {
			checkRefusal(t, caller, c, err)
			return
		}
	}
	t.Fatal("the machine was too slow for this case")
}
