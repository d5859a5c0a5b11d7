package main

import (
	"strings"
	"testing"
)

func TestConnectionsAreAddedReplacedAndShownWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	o := setup(t)
	path := file(t, `{"base_url": "https://payments.example/v2", "auth": {"type": "bearer", "secret": "payments-key"}, "timeout": "5s"}`)
	if out := o.must("connections", "put", "payments", path); !line(out, "base url", "https://payments.example/v2") || !line(out, "timeout", "5s") {
		t.Errorf("put prints:\n%s", out)
	}
	o.must("connections", "put", "payments", file(t, `{"base_url": "https://payments.example/v3"}`))
	if out := o.must("connections", "list"); !line(out, "payments", "https://payments.example/v3", "-") || strings.Contains(out, "v2") {
		t.Errorf("list prints:\n%s", out)
	}
	if r := o.run("connections", "put", "payments", file(t, `{"base_url": "ftp://payments.example"}`)); r.code != exitInvalid || !strings.Contains(r.err, "base_url") {
		t.Errorf("a wrong one: %+v", r)
	}
	if r := o.run("connections", "show", "nothing"); r.code != exitNotFound {
		t.Errorf("an unknown one: %+v", r)
	}
	if out := o.must("connections", "show", "payments"); !line(out, "base url", "v3") {
		t.Errorf("show prints:\n%s", out)
	}
}
