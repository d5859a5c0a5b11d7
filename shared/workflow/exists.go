package workflow

import (
	"context"

	"opsflow/shared/ops"
)

// TemplateExists reports whether a workflow of this template can be started: package rule asks it of the templates that
// rules name.
func (e *Engine) TemplateExists(ctx context.Context, name string) (bool, error) {
	_, err := e.newest(ctx, name)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}
