package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
)

// visitTime bounds what a test does in the browser.
const visitTime = 3 * time.Minute

// findBrowser gives the path of Chromium, which `make tools` sees to.
func findBrowser() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	for _, pattern := range []string{
		".cache/ms-playwright/chromium-*/chrome-linux*/chrome",
		"Library/Caches/ms-playwright/chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium",
	} {
		if found, err := filepath.Glob(filepath.Join(home, pattern)); err == nil && len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", errors.New("there is no Chromium for the tests of the console: run `make tools`, or install chromium")
}

// browser is one Chromium for a test, with everything that pages complain about.
type browser struct {
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// openBrowser starts Chromium without a window; it ends with the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := findBrowser()
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 900),
		chromedp.Flag("disable-dev-shm-usage", true),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox does not work for root
	}
	ctx, cancel := context.WithTimeout(context.Background(), visitTime)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	b := &browser{ctx: ctx}
	b.do(t)
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	return b
}

// listen notes what pages log and throw, violations of the content security policy among them.
func (b *browser) listen(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		for _, arg := range e.Args {
			said += " " + string(arg.Value) + arg.Description
		}
		said = string(e.Type) + ":" + said
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelInfo || e.Entry.Level == cdplog.EntryLevelVerbose {
			return
		}
		said = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, said)
}

func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		t.Fatalf("browser: %v\n%s", err, b.said())
	}
}

// said gives what pages complained about so far.
func (b *browser) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.complaints, "\n")
}

// clean fails the test if a page complained.
func (b *browser) clean(t *testing.T) {
	t.Helper()
	if said := b.said(); said != "" {
		t.Errorf("the browser's console:\n%s", said)
	}
}

// text gives what an element says.
func (b *browser) text(t *testing.T, selector string) string {
	t.Helper()
	return ask(t, b, chromedp.Text(selector))
}

// ask gives what the page answers.
func ask[T any](t *testing.T, b *browser, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		t.Fatalf("browser: %v\n%s", err, b.said())
	}
	return v
}

// system is a running local runtime.
type system struct {
	*local.Runtime
}

// startSystem runs opsflow on ports of its own, in memory, with its clock.
func startSystem(t *testing.T, c *clock.Clock) system {
	t.Helper()
	rt, err := local.Start(t.Context(), local.Options{
		AWSAddr: "127.0.0.1:0", APIAddr: "127.0.0.1:0", Clock: c, Demo: true, DemoPast: true, Template: "../../../template.yaml",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
	})
	return system{rt}
}

// signIn takes the browser to a page as one of the local identities, through the sign-in page.
func (s system) signIn(t *testing.T, b *browser, user, path string) {
	t.Helper()
	b.do(t,
		chromedp.Navigate(s.APIURL()+path),
		chromedp.WaitVisible("#as-"+user),
		chromedp.Click("#as-"+user),
		chromedp.WaitVisible("header.side"),
	)
}

// token gives an access token of a local identity.
func (s system) token(t *testing.T, user string) string {
	t.Helper()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	s.send(t, http.MethodGet, "/dev/token?user="+user, "", nil, &token)
	return token.AccessToken
}

// send sends JSON to the API, and reads the answer if it is not nil.
func (s system) send(t *testing.T, method, path, token string, body, answer any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.APIURL()+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, got, err)
	}
	if answer != nil {
		if err := json.Unmarshal(got, answer); err != nil {
			t.Fatalf("%s %s: %s: %v", method, path, got, err)
		}
	}
}

// workflow is as much of a workflow as the tests look at.
type workflow struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// startWorkflow starts one and waits until it waits for somebody or has ended.
func (s system) startWorkflow(t *testing.T, template, subject string, context map[string]any) workflow {
	t.Helper()
	kind, id, _ := strings.Cut(subject, "/")
	var w workflow
	s.send(t, http.MethodPost, "/v1/workflows", s.token(t, "admin"), map[string]any{
		"template": template, "subject": map[string]string{"type": kind, "id": id}, "context": context,
	}, &w)
	s.settle(t)
	return w
}

// settle waits until nothing goes on by itself any more.
func (s system) settle(t *testing.T) {
	t.Helper()
	if err := s.Clock().WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// taskOf gives the id of the open task of a workflow.
func (s system) taskOf(t *testing.T, w workflow) string {
	t.Helper()
	var page struct {
		Items []struct {
			ID       string `json:"id"`
			Instance string `json:"instance"`
			Status   string `json:"status"`
		} `json:"items"`
	}
	s.send(t, http.MethodGet, "/v1/tasks?limit=100", s.token(t, "admin"), nil, &page)
	for _, i := range page.Items {
		if i.Instance == w.ID && (i.Status == "open" || i.Status == "claimed") {
			return i.ID
		}
	}
	t.Fatal(fmt.Errorf("workflow %s has no open task", w.ID))
	return ""
}
