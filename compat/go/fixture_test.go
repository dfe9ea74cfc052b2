package compat

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// fixture is what ../python/fixture.py says of the instance that it started.
type fixture struct {
	Scheme   string              `json:"scheme"`
	Endpoint string              `json:"endpoint"`
	CAFile   string              `json:"ca_file"`
	Keys     map[string][]string `json:"keys"`
	Cases    []testCase          `json:"cases"`
}

type testCase struct {
	Column     string            `json:"column"`
	Name       string            `json:"name"`
	Key        string            `json:"key"`
	Parameters map[string]any    `json:"parameters"`
	Rows       [][]any           `json:"rows"`
	Refused    *refusal          `json:"refused"`
	Detail     map[string]string `json:"detail"`
	Calls      int               `json:"calls"`
	ClockS     int               `json:"clock_s"`
}

type refusal struct {
	Code    string `json:"code"`
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// start runs an instance until the test ends; it must stop by itself.
func start(t *testing.T, scheme string) *fixture {
	t.Helper()
	script, err := filepath.Abs("../python/fixture.py")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("python3", script, scheme)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the instance did not end well: %v", err)
		}
	})
	decoder := json.NewDecoder(bufio.NewReader(output))
	decoder.UseNumber()
	var started fixture
	if err := decoder.Decode(&started); err != nil {
		t.Fatalf("no instance: %v", err)
	}
	return &started
}

// wire writes a parameter as it goes over the wire.
func wire(value any) string {
	return fmt.Sprint(value)
}

// record appends one result for the table in COMPATIBILITY.md.
func record(t *testing.T, caller caller, scheme string, column string) {
	path := os.Getenv("CHATMETRIC_COMPAT_RESULTS")
	if path == "" {
		return
	}
	line, err := json.Marshal(map[string]any{
		"language":  "Go",
		"sdk":       caller.module,
		"version":   version(caller.module),
		"signature": caller.signature,
		"way":       caller.name,
		"scheme":    scheme,
		"case":      column,
		"pass":      !t.Failed(),
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
}
