package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"opsflow/shared/httpapi/console"
	"opsflow/shared/local/tour"
	"opsflow/shared/ops"
)

// watchablePause is what the console's button has the tour wait after each scene, so that it can be followed.
const watchablePause = 350 * time.Millisecond

// workbench is what the console shows on this machine only.
type workbench struct{ rt *Runtime }

// Messages gives what landed in the outbox.
func (w workbench) Messages() []console.Message {
	var list []console.Message
	for _, m := range w.rt.outbox.list() {
		list = append(list, console.Message{At: m.At, Channel: m.Channel, To: m.To, Title: m.Title, Text: m.Text, Body: m.Body})
	}
	return list
}

// PlayDay begins to play the guided tour.
func (w workbench) PlayDay() error {
	return w.rt.day.begin(func(ctx context.Context) error { return w.rt.PlayDay(ctx, watchablePause) })
}

// Day tells how far it is.
func (w workbench) Day() console.Day { return w.rt.day.look() }

// PlayDay plays the guided tour at this system, with a pause of real time after each scene, and moves its time by it.
func (rt *Runtime) PlayDay(ctx context.Context, pause time.Duration) error {
	t, err := tour.New(ctx, rt.callAPI)
	if err != nil {
		return err
	}
	return t.Play(ctx, pause, rt.day.tell)
}

// callAPI sends a request as anybody from outside would.
func (rt *Runtime) callAPI(ctx context.Context, method, path, token string, body []byte) (json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, method, rt.apiURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // it was read
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	if res.StatusCode < http.StatusMultipleChoices {
		return answer, nil
	}
	var p struct {
		Code   ops.Code
		Detail string
		Errors []ops.Fault
	}
	if err := json.Unmarshal(answer, &p); err != nil || p.Code == "" {
		return nil, ops.Errorf(ops.CodeInternal, "%s %s: %s", method, path, res.Status)
	}
	return nil, &ops.Error{Code: p.Code, Message: p.Detail, Faults: p.Errors}
}

// player plays one day at a time in the background. It is safe for concurrent use; its zero value has played none.
type player struct {
	mu      sync.Mutex
	day     console.Day
	stopped bool
	cancel  context.CancelFunc // of the day that is played
	ended   sync.WaitGroup
}

// begin runs play, unless a day is being played.
func (p *player) begin(play func(context.Context) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.day.Playing || p.stopped {
		return ops.Errorf(ops.CodeConflict, "a day is being played already: wait until it is over")
	}
	p.day = console.Day{Playing: true, Scene: "The day begins"}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.ended.Go(func() {
		defer cancel()
		err := play(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.day.Playing, p.day.Percent = false, 100
		if err != nil {
			p.day.Failed = err.Error()
		}
	})
	return nil
}

// tell notes where the day is.
func (p *player) tell(at time.Time, what string, over float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.day.At, p.day.Scene, p.day.Percent = at, what, int(over*100)
}

func (p *player) look() console.Day {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.day
}

// stop ends the day that is played, and lets none begin.
func (p *player) stop() error {
	p.mu.Lock()
	p.stopped = true
	if p.cancel != nil {
		p.cancel()
	}
	p.mu.Unlock()
	p.ended.Wait()
	return nil
}
