package local

import (
	"context"
	"errors"
)

// openProcesses runs the functions as bootstraps.
func (rt *Runtime) openProcesses(context.Context) error {
	return errors.New("--processes: this program can't run bootstraps")
}
