package states

import (
	"fmt"
	"strings"
)

func (e *Engine) machineARN(name string) string {
	return fmt.Sprintf("arn:aws:states:%s:%s:stateMachine:%s", e.region, e.account, name)
}

// aliasARN is the ARN of an alias; empty for none.
func (e *Engine) aliasARN(machine, alias string) string {
	if alias == "" {
		return ""
	}
	return e.machineARN(machine) + ":" + alias
}

// functionARN takes a function's name or its ARN.
func (e *Engine) functionARN(function string) string {
	if strings.HasPrefix(function, "arn:") {
		return function
	}
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", e.region, e.account, function)
}

func (e *Engine) activityARN(name string) string {
	return fmt.Sprintf("arn:aws:states:%s:%s:activity:%s", e.region, e.account, name)
}

func (e *Engine) executionARN(rec *record) string {
	kind := "execution"
	if rec.Express {
		kind = "express"
	}
	return fmt.Sprintf("arn:aws:states:%s:%s:%s:%s", e.region, e.account, kind, rec.key())
}

func (e *Engine) arnOfKey(key string) string {
	return fmt.Sprintf("arn:aws:states:%s:%s:execution:%s", e.region, e.account, key)
}

// checkRole refuses what is no ARN of a role; roles themselves don't exist here. None is none.
func checkRole(arn string) error {
	if parts := strings.SplitN(arn, ":", 6); arn != "" && (len(parts) < 6 || parts[0] != "arn" || parts[2] != "iam") {
		return apiError("InvalidArn", "Invalid Role Arn: '%s'", arn)
	}
	return nil
}

// executionKey is <machine>:<execution> of an execution's ARN; empty when it is not one.
func executionKey(arn string) string {
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) < 7 || parts[2] != "states" || parts[5] != "execution" && parts[5] != "express" {
		return ""
	}
	return parts[6]
}

// standardKey is the key of a standard execution's ARN: express ones are not looked at by their ARN.
func standardKey(arn string) (string, error) {
	key := executionKey(arn)
	switch {
	case key == "":
		return "", apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	case nameIn(arn, "express") != "":
		return "", apiError("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'")
	}
	return key, nil
}

// describedKey is standardKey for what also looks at express children of map runs.
func describedKey(arn string) (string, error) {
	if key := executionKey(arn); strings.Contains(key, "/") {
		return key, nil
	}
	return standardKey(arn)
}

// nameIn is the name that an ARN of the kind ends with; empty when it is no such ARN.
func nameIn(arn, kind string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 7 || parts[2] != "states" || parts[5] != kind {
		return ""
	}
	return parts[6]
}
