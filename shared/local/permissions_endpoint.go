package local

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"opsflow/shared/local/action"
	"opsflow/shared/local/awsjson"
	"opsflow/shared/local/boundary"
	"opsflow/shared/local/iam"
)

// guardEndpoint holds the requests that functions and state machines make at the AWS endpoint against their roles. What can't
// be told to be allowed is refused.
func (p *permissions) guardEndpoint(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := p.session(r.Context())
		if key, _ := action.Signer(r); strings.HasPrefix(key, functionKeyPrefix) {
			var ok bool
			if who, ok = p.holderOf(key); !ok {
				refuse(w, r, http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid.")
				return
			}
		}
		if who.role == nil {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20)) // no service takes more
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r = r.WithContext(withSession(r.Context(), who))
		asked, err := p.requests.Of(r, body)
		if err == nil {
			err = p.check(r.Context(), asked...)
		}
		if coded, ok := errors.AsType[refusal](err); ok {
			status := http.StatusBadRequest
			target, _ := awsjson.Target(r)
			if _, denied := errors.AsType[*iam.DeniedError](err); denied && target == "" {
				status = http.StatusForbidden
			}
			refuse(w, r, status, coded.ErrorCode(), coded.ErrorMessage())
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refusal is an error by AWS's name, with its words.
type refusal interface {
	error
	ErrorCode() string
	ErrorMessage() string
}

// refuse answers with an error in the protocol of the service, by the service's own name for it.
func refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	target, _ := awsjson.Target(r)
	if code == deniedCode {
		if target == awsjson.SQS {
			w.Header().Set("X-Amzn-Query-Error", "AccessDenied;Sender") // the name that SQS's older clients know
		}
		form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
		switch _, service := action.Signer(r); {
		case service == "sns" && form:
			code = authorizationError
		case service == "s3":
			code = "AccessDenied"
		}
	}
	if target != "" {
		status = http.StatusBadRequest
	}
	boundary.Refuse(w, r, &boundary.Error{Code: code, Message: message, Status: status})
}

// deniedCode is IAM's refusal, and authorizationError SNS's own name for it.
const (
	deniedCode         = "AccessDeniedException"
	authorizationError = "AuthorizationError"
)
