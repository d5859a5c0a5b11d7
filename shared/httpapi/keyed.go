package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"opsflow/shared/idempotency"
	"opsflow/shared/ops"
)

const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotency-Replayed"
)

// keyParam documents the header of an operation that makes or changes something, and of one that does neither.
func keyParam(reads bool) *huma.Param {
	longest := idempotency.MaxKey
	p := &huma.Param{
		Name: keyHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
		Description: "Sent again within 24 h by the same caller with the same key and body, the request does nothing more and is " +
			"answered as it was, with Idempotency-Replayed: true (an answer over 64 KiB by the record as it is then). With another " +
			"body it is refused (422); while the first is still being carried out too (409, in_progress). A refused request " +
			"leaves the key free.",
	}
	if reads {
		p.Description = "Taken and not needed: this changes nothing, however often it is sent."
	}
	return p
}

// once is the middleware that carries out a request with an Idempotency-Key once. status is that of the operation's success.
func (a *api) once(status int) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, raw := humago.Unwrap(hc)
		keys := r.Header.Values(keyHeader)
		if len(keys) == 0 {
			next(hc)
			return
		}
		w, ours := raw.(*answer)
		if !ours {
			panic("every request comes through ServeHTTP")
		}
		ctx := hc.Context()
		if err := checkKeys(keys); err != nil {
			a.refuse(w, r, err)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			a.refuse(w, r, fmt.Errorf("read the body again: %w", err))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		request := idempotency.Request{Actor: actorOf(ctx).ID, Route: r.Method + " " + r.URL.Path, Key: keys[0], Body: body}
		result, err := a.keeper.Do(ctx, request, func(ctx context.Context) (string, bool) {
			w.hold()
			next(huma.WithContext(hc, ctx))
			return w.held.text(w.Header())
		})
		switch {
		case err != nil:
			a.refuse(w, r, err)
		case result.Before:
			a.replay(ctx, w, r, status, result)
		default:
			w.send()
		}
	}
}

func checkKeys(keys []string) error {
	key, bad := keys[0], false
	for _, c := range key {
		bad = bad || !unicode.IsPrint(c)
	}
	if n := utf8.RuneCountInString(key); bad || len(keys) > 1 || n == 0 || n > idempotency.MaxKey || !utf8.ValidString(key) {
		got := any(key)
		if len(keys) > 1 {
			got = keys
		}
		return invalid(&ops.Fault{
			Path: "header." + keyHeader, Expected: "one text of 1 to " + strconv.Itoa(idempotency.MaxKey) + " printable characters", Got: ops.Shown(got),
		})
	}
	return nil
}

// heldAnswer is an answer that is not sent before it was kept.
type heldAnswer struct {
	status int
	body   bytes.Buffer
}

// hold keeps what is written from now on back.
func (w *answer) hold() { w.held = &heldAnswer{status: http.StatusOK} }

// send sends what was held.
func (w *answer) send() {
	h := w.held
	w.held = nil
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes()) // the caller has gone if this fails
}

// keptAnswer is an answer as the record of its request has it.
type keptAnswer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   string            `json:"body"`
}

// keptHeaders are those that belong to the answer; all others belong to the single request.
var keptHeaders = []string{"Content-Type", "ETag", "Location"}

// text writes the answer down for keeping; accepted is false for a refusal.
func (h *heldAnswer) text(header http.Header) (text string, accepted bool) {
	if h.status < http.StatusOK || h.status >= http.StatusMultipleChoices {
		return "", false
	}
	k := keptAnswer{Status: h.status, Header: map[string]string{}, Body: h.body.String()}
	for _, name := range keptHeaders {
		if v := header.Get(name); v != "" {
			k.Header[name] = v
		}
	}
	b, err := json.Marshal(k)
	if err != nil {
		panic(err) // it holds nothing but texts and a number
	}
	return string(b), true
}

// replay answers with what the first sending of the request was answered with, or, if that is not known, with the record
// that it changed.
func (a *api) replay(ctx context.Context, w http.ResponseWriter, r *http.Request, status int, before idempotency.Result) {
	k := keptAnswer{Status: status}
	if before.Answer != "" {
		if err := json.Unmarshal([]byte(before.Answer), &k); err != nil {
			a.refuse(w, r, fmt.Errorf("read the answer of the request: %w", err))
			return
		}
	} else {
		found, err := a.look(ctx, before.Done)
		if err != nil {
			a.refuse(w, r, fmt.Errorf("look what became of the request: %w", err))
			return
		}
		body, err := json.Marshal(found.body)
		if err != nil {
			a.refuse(w, r, fmt.Errorf("write %s: %w", before.Done, err))
			return
		}
		k.Header = map[string]string{"Content-Type": "application/json", "ETag": found.etag, "Location": found.path}
		k.Body = string(body)
	}
	for name, value := range k.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set(replayedHeader, "true")
	w.WriteHeader(k.Status)
	_, _ = io.WriteString(w, k.Body) // the caller has gone if this fails
}
