package console

import (
	"crypto/rand"
	"time"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// PagePaths lists the paths of all pages, as the mux has them.
func PagePaths() ([]string, error) {
	c, err := New(Config{
		Config: httpapi.Config{Random: rand.Reader, Clock: struct{ ops.Clock }{}, Workflows: struct{ httpapi.Workflows }{}},
		SignIn: SignIn{Now: time.Now}, Local: struct{ Local }{},
	})
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(c.shown))
	for i, p := range c.shown {
		paths[i] = p.path
	}
	return paths, nil
}
