package action

import (
	"strings"

	"opsflow/shared/local/iam"
)

// A secret's ARN ends, on AWS, with six characters of chance; here they are always the same.
const (
	secretARN     = "arn:aws:secretsmanager:" + place + ":secret:"
	secretARNEnds = "-000000"
)

// Secret is the ARN of the secret of a name.
func Secret(name string) string { return secretARN + name + secretARNEnds }

// SecretName is the name of a secret that is given by its name or its ARN.
func SecretName(id string) string {
	name, isARN := strings.CutPrefix(id, secretARN)
	if isARN {
		name = strings.TrimSuffix(name, secretARNEnds)
	}
	return name
}

// secrets are the operations of Secrets Manager.
func secrets(_ Reader, operation string, in object) []iam.Request {
	id := SecretName(in.first("SecretId", "Name"))
	if id == "" {
		return on("secretsmanager:"+operation, anything)
	}
	return on("secretsmanager:"+operation, Secret(id))
}
