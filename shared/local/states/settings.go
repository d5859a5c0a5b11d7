package states

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// Settings are what a state machine has besides its definition and role. Histories are logged; nothing is traced or encrypted here.
// Each is nil when it was not given.
type Settings struct {
	Logging    *Logging    `json:"loggingConfiguration,omitempty"`
	Tracing    *Tracing    `json:"tracingConfiguration,omitempty"`
	Encryption *Encryption `json:"encryptionConfiguration,omitempty"`
}

// Logging is a loggingConfiguration.
type Logging struct {
	Level                string           `json:"level"`
	IncludeExecutionData bool             `json:"includeExecutionData"`
	Destinations         []LogDestination `json:"destinations,omitempty"`
}

// LogDestination is where a state machine's history would be logged.
type LogDestination struct {
	LogGroup struct {
		ARN string `json:"logGroupArn"`
	} `json:"cloudWatchLogsLogGroup"`
}

// Tracing is a tracingConfiguration.
type Tracing struct {
	Enabled bool `json:"enabled"`
}

// Encryption is an encryptionConfiguration.
type Encryption struct {
	Type         string `json:"type"`
	KeyID        string `json:"kmsKeyId,omitempty"`
	ReuseSeconds int    `json:"kmsDataKeyReusePeriodSeconds,omitempty"`
}

const customerKey = "CUSTOMER_MANAGED_KMS_KEY"

// check gives what is wrong with settings, and fills in what AWS does by itself.
func (s *Settings) check() error {
	if l := s.Logging; l != nil {
		l.Level = cmp.Or(l.Level, "OFF")
		if !slices.Contains([]string{"ALL", "ERROR", "FATAL", "OFF"}, l.Level) {
			return invalid("loggingConfiguration.level must be ALL, ERROR, FATAL or OFF, got %q", l.Level)
		}
		if n := len(l.Destinations); n > 1 || n == 0 && l.Level != "OFF" {
			return apiError("InvalidLoggingConfiguration", "Invalid Logging Configuration: Must specify exactly one Log Destination.")
		}
		for _, d := range l.Destinations {
			if !strings.Contains(d.LogGroup.ARN, ":log-group:") || !strings.HasSuffix(d.LogGroup.ARN, ":*") {
				return apiError("InvalidLoggingConfiguration", "Invalid Logging Configuration: Log Destination not found.")
			}
		}
	}
	e := s.Encryption
	switch {
	case e == nil:
	case e.Type == "AWS_OWNED_KEY":
		if e.KeyID != "" || e.ReuseSeconds != 0 {
			return apiError("InvalidEncryptionConfiguration", "A key of AWS has neither kmsKeyId nor kmsDataKeyReusePeriodSeconds")
		}
	case e.Type != customerKey:
		return invalid("encryptionConfiguration.type must be AWS_OWNED_KEY or %s, got %q", customerKey, e.Type)
	case e.KeyID == "":
		return apiError("InvalidEncryptionConfiguration", "kmsKeyId must be given with the type %s", customerKey)
	default:
		const least, most, usual = 60, 900, 300
		e.ReuseSeconds = cmp.Or(e.ReuseSeconds, usual)
		if e.ReuseSeconds < least || e.ReuseSeconds > most {
			return apiError("InvalidEncryptionConfiguration", "kmsDataKeyReusePeriodSeconds must be from %d to %d, got %d", least, most, e.ReuseSeconds)
		}
	}
	return nil
}

// with gives the settings after a change.
func (s Settings) with(change Settings) Settings {
	return Settings{cmp.Or(change.Logging, s.Logging), cmp.Or(change.Tracing, s.Tracing), cmp.Or(change.Encryption, s.Encryption)}
}

func (s Settings) equal(other Settings) bool { return reflect.DeepEqual(s.shown(), other.shown()) }

// shown is the settings as the API shows them: with what holds when they were not given.
func (s Settings) shown() object {
	o := object{"loggingConfiguration": Logging{Level: "OFF"}, "tracingConfiguration": Tracing{}}
	if s.Logging != nil {
		o["loggingConfiguration"] = *s.Logging
	}
	if s.Tracing != nil {
		o["tracingConfiguration"] = *s.Tracing
	}
	if s.Encryption != nil {
		o["encryptionConfiguration"] = *s.Encryption
	}
	return o
}
