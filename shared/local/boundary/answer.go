package boundary

import (
	"bytes"
	"net/http"
)

// Answer keeps what a handler answers.
type Answer struct {
	header http.Header
	Status int
	Body   bytes.Buffer
}

// NewAnswer makes an Answer that is 200 until something else is said.
func NewAnswer() *Answer { return &Answer{header: http.Header{}, Status: http.StatusOK} }

// Header is an http.ResponseWriter's.
func (a *Answer) Header() http.Header { return a.header }

// WriteHeader is an http.ResponseWriter's.
func (a *Answer) WriteHeader(status int) { a.Status = status }

// Write is an http.ResponseWriter's.
func (a *Answer) Write(p []byte) (int, error) { return a.Body.Write(p) }

// To gives the answer to whoever asked.
func (a *Answer) To(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body.Bytes()) // nobody is left to tell of an error
}
