package env_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"opsflow/shared/aws/env"
)

func from(m map[string]string) func(string) string {
	return func(name string) string { return m[name] }
}

func TestMissingVariablesAreAllNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := env.Load(from(map[string]string{"AWS_REGION": "eu-west-1", "BUS_NAME": "b"}), env.Table, env.Bus, env.OIDC)
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"TABLE_NAME", "OIDC_ISSUER", "OIDC_CLIENT_IDS"} {
		if !strings.Contains(err.Error(), "environment variable "+name+" is not set") {
			t.Errorf("%s is not named in %q", name, err)
		}
	}
	for _, name := range []string{"BUS_NAME", "AWS_REGION", "STATE_MACHINE_PREFIX"} {
		if strings.Contains(err.Error(), name) {
			t.Errorf("%s is named in %q", name, err)
		}
	}
}

func TestEnvironmentGivesRegionEndpointAndCredentials(t *testing.T) {
	t.Parallel()
	e, err := env.Load(from(map[string]string{
		"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_ACCESS_KEY_ID": "id",
		"AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session", "OIDC_CLIENT_IDS": "a, b,",
	}))
	if err != nil {
		t.Fatal(err)
	}
	c := e.AWS()
	keys, err := c.Credentials.Retrieve(t.Context())
	if err != nil || keys.AccessKeyID != "id" || keys.SecretAccessKey != "secret" || keys.SessionToken != "session" {
		t.Errorf("credentials %+v %v", keys, err)
	}
	if c.Region != "us-east-1" || aws.ToString(c.BaseEndpoint) != "http://127.0.0.1:4566" || !slices.Equal(e.OIDCClientIDs, []string{"a", "b"}) {
		t.Errorf("%+v %v", c, e.OIDCClientIDs)
	}
}

func TestAWrongCalendarIsToldAtStart(t *testing.T) {
	t.Parallel()
	_, err := env.Load(from(map[string]string{"AWS_REGION": "eu-west-1", "BUSINESS_ZONE": "Nowhere", "BUSINESS_HOURS": "always"}))
	if err == nil || !strings.Contains(err.Error(), `"Nowhere"`) || !strings.Contains(err.Error(), `"always"`) {
		t.Errorf("%v", err)
	}
}
