package local

import (
	"context"
	"encoding/json"
	"net/http"

	"opsflow/shared/local/action"
	"opsflow/shared/local/awsjson"
)

// secretRequest is the body of the operations that are here.
type secretRequest struct {
	Name, SecretID, SecretString string
}

// id is the name of the secret, which may be given as its ARN.
func (r *secretRequest) id() string { return action.SecretName(r.Name + r.SecretID) }

// secretsAPI is as much of Secrets Manager as connections need: CreateSecret, PutSecretValue and GetSecretValue.
func (rt *Runtime) secretsAPI(w http.ResponseWriter, r *http.Request) {
	_, operation := awsjson.Target(r)
	refuse := func(kind, message string) {
		awsjson.Refuse(w, awsjson.Version11, http.StatusBadRequest, kind, message)
	}
	var in secretRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil || in.id() == "" {
		refuse("ValidationException", "the request names no secret")
		return
	}
	value, found, err := rt.secret(r.Context(), in.id())
	switch {
	case err != nil:
	case operation == "GetSecretValue" || operation == "PutSecretValue":
		if !found {
			refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
			return
		}
	case operation == "CreateSecret":
		if found {
			refuse("ResourceExistsException", "The operation failed because the secret "+in.id()+" already exists.")
			return
		}
	default:
		refuse("UnknownOperationException", "this endpoint has CreateSecret, PutSecretValue and GetSecretValue, not "+operation)
		return
	}
	if err == nil && operation != "GetSecretValue" {
		value = in.SecretString
		err = rt.keep(r.Context(), "secret "+in.id(), []byte(value))
	}
	if err != nil {
		refuse("InternalServiceError", err.Error())
		return
	}
	answer := map[string]string{"ARN": action.Secret(in.id()), "Name": in.id(), "VersionId": "00000000-0000-0000-0000-000000000000"}
	if operation == "GetSecretValue" {
		answer["SecretString"] = value
	}
	awsjson.Answer(w, awsjson.Version11, http.StatusOK, answer)
}

func (rt *Runtime) secret(ctx context.Context, id string) (value string, found bool, err error) {
	b, err := rt.kept(ctx, "secret "+id)
	return string(b), b != nil, err
}
