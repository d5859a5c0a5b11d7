package states

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"opsflow/shared/local/awsjson"
)

const maxRequest = 4 << 20 // bytes; a definition may have 1 MB, an input 256 KiB

// Handler speaks the service's protocol (AWS JSON 1.0): POST with the header X-Amz-Target: AWSStepFunctions.<Operation>.
// Signatures are not checked.
func Handler(e *Engine) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, name := awsjson.Target(r)
		operation, ok := operations[name]
		if !ok {
			answerError(w, apiError("UnknownOperationException", "Unknown operation: %q", service+"."+name))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			answerError(w, apiError("SerializationException", "The request can't be read: %v", err))
			return
		}
		var in request
		if len(body) > 0 {
			if err := json.Unmarshal(body, &in); err != nil {
				answerError(w, apiError("SerializationException", "The request is not valid: %v", err))
				return
			}
		}
		out, err := operation(r.Context(), e, &in)
		if err != nil {
			answerError(w, err)
			return
		}
		awsjson.Answer(w, awsjson.Version10, http.StatusOK, out)
	})
}

func answerError(w http.ResponseWriter, err error) {
	var api *APIError
	status := http.StatusBadRequest
	if !errors.As(err, &api) {
		status, api = http.StatusInternalServerError, apiError("InternalServerError", "%v", err)
	}
	shape := api.Code
	switch shape {
	case "ValidationException", "SerializationException", "UnknownOperationException", "InternalServerError":
		shape = "com.amazon.coral.validate#" + shape
	default:
		shape = "com.amazonaws.swf.service.v2.model#" + shape
	}
	awsjson.Refuse(w, awsjson.Version10, status, shape, api.Message)
}

// request has the members of every operation's input.
type request struct {
	Settings
	Name                 string   `json:"name"`
	Definition           string   `json:"definition"`
	RoleARN              string   `json:"roleArn"`
	Type                 string   `json:"type"`
	StateMachineARN      string   `json:"stateMachineArn"`
	VersionARN           string   `json:"stateMachineVersionArn"`
	AliasARN             string   `json:"stateMachineAliasArn"`
	ExecutionARN         string   `json:"executionArn"`
	MapRunARN            string   `json:"mapRunArn"`
	MaxConcurrency       *int64   `json:"maxConcurrency"`
	ToleratedCount       *int64   `json:"toleratedFailureCount"`
	ToleratedPercentage  *float64 `json:"toleratedFailurePercentage"`
	ActivityARN          string   `json:"activityArn"`
	ResourceARN          string   `json:"resourceArn"`
	Description          *string  `json:"description"`
	RevisionID           string   `json:"revisionId"`
	Publish              bool     `json:"publish"`
	VersionDescription   string   `json:"versionDescription"`
	Routes               []Route  `json:"routingConfiguration"`
	Tags                 []Tag    `json:"tags"`
	TagKeys              []string `json:"tagKeys"`
	IncludedData         string   `json:"includedData"`
	Input                string   `json:"input"`
	Output               string   `json:"output"`
	Error                string   `json:"error"`
	Cause                string   `json:"cause"`
	TaskToken            string   `json:"taskToken"`
	WorkerName           string   `json:"workerName"`
	TraceHeader          string   `json:"traceHeader"`
	ClientToken          string   `json:"clientToken"`
	StatusFilter         string   `json:"statusFilter"`
	RedriveFilter        string   `json:"redriveFilter"`
	MaxResults           int      `json:"maxResults"`
	Severity             string   `json:"severity"`
	NextToken            string   `json:"nextToken"`
	StateName            string   `json:"stateName"`
	Variables            string   `json:"variables"`
	Context              string   `json:"context"`
	InspectionLevel      string   `json:"inspectionLevel"`
	RevealSecrets        bool     `json:"revealSecrets"`
	Mock                 *Mock    `json:"mock"`
	ReverseOrder         bool     `json:"reverseOrder"`
	IncludeExecutionData *bool    `json:"includeExecutionData"`
	StateConfiguration   struct {
		RetrierRetryCount int64 `json:"retrierRetryCount"`
	} `json:"stateConfiguration"`
}

func (in *request) page() Page { return Page{in.MaxResults, in.NextToken} }

func (in *request) description() string {
	if in.Description == nil {
		return ""
	}
	return *in.Description
}

// object is a JSON object of an answer; members that are nil are left out.
type object map[string]any

func (o object) MarshalJSON() ([]byte, error) {
	kept := make(map[string]any, len(o))
	for k, v := range o {
		switch v := v.(type) {
		case nil:
			continue
		case *string:
			if v == nil {
				continue
			}
		case time.Time:
			if !v.IsZero() {
				kept[k] = json.RawMessage(epoch(v))
			}
			continue
		}
		kept[k] = v
	}
	return json.Marshal(kept)
}

// epoch is a time in seconds with milliseconds, as the protocol writes it.
func epoch(t time.Time) string {
	text, err := json.Marshal(float64(t.UnixMilli()) / 1000)
	if err != nil {
		return "0"
	}
	return string(text)
}

func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

type operation func(context.Context, *Engine, *request) (any, error)
