package local_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

var killsFlag = flag.Int("kills", 200, "how often the process is killed under load")

// The program is killed at random moments, at its start too, while clients start executions, answer task tokens and activities,
// receive messages and decide tasks. Who has no answer tries again with the next process. In the end everything that was
// accepted is done, once.
func TestEverythingAcceptedIsDoneOnceOverKills(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = 1
	}
	random := rand.New(rand.NewPCG(seed, 1))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again by: go test ./shared/local -run TestEverythingAccepted -seed %d", seed)
		}
	})
	binary, data := buildOpsflow(t), t.TempDir()
	l := newKillLoad()
	for n := range *killsFlag {
		life := time.Duration(random.IntN(250)) * time.Millisecond
		if random.IntN(8) == 0 { // before it is ready, most often
			killAtStart(t, binary, data, life/4)
			continue
		}
		p := runDev(t, binary, data, "--no-demo")
		if n == 0 || !l.ready {
			l.prepare(t, p.system)
		}
		ctx, cancel := context.WithTimeout(t.Context(), life) // the moment of the kill
		ended := l.run(ctx, p.system)
		<-ctx.Done()
		p.kill(t)
		cancel()
		<-ended
	}
	last := runDev(t, binary, data, "--no-demo")
	l.finish(t, last.system)
	l.check(t, last.system)
	accepted, decided := len(l.accepted), len(l.decided)
	t.Logf("%d kills: %d executions and %d decisions were accepted", *killsFlag, accepted, decided)
	if accepted < *killsFlag/4 || decided < *killsFlag/10 { // on a busy machine a life is short
		t.Errorf("that is too little load to say anything")
	}
}

// kill ends the process as nothing can be put in order.
func (p process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // it was killed
}

// killAtStart starts the program and kills it after so long, whatever it has come to.
func killAtStart(t *testing.T, binary, data string, life time.Duration) {
	t.Helper()
	cmd := devCommand(t, binary, data, "--no-demo")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	moment := time.NewTimer(life)
	defer moment.Stop()
	<-moment.C
	process{cmd: cmd}.kill(t)
}

// finish lets time pass until everything that was accepted is over.
func (l *killLoad) finish(t *testing.T, s *system) {
	t.Helper()
	l.closing = true
	ctx, cancel := context.WithCancel(t.Context())
	ended := l.run(ctx, s)
	defer func() { cancel(); <-ended }()
	defer func() {
		if !t.Failed() {
			return
		}
		t.Logf("these still run: %v", l.running(s))
		for _, status := range unfinished {
			for _, i := range s.workflows("limit=5&status=" + status) {
				t.Logf("%s of %s is %s, waiting for %+v", i.ID, i.Template, i.Status, i.WaitingFor)
			}
		}
	}()
	const most = 15 * time.Minute // leases end, steps are tried again
	for moved := time.Duration(0); !l.over(s); moved += 10 * time.Second {
		if moved == most {
			t.Errorf("not everything is over after %s", most)
			return
		}
		if res := s.request(http.MethodPost, "/dev/clock", "", object{"advance": "10s"}); res.status != http.StatusOK {
			t.Fatalf("advance: %d %s", res.status, res.body)
		}
	}
}

// unfinished are the statuses of workflows that go on.
var unfinished = []string{"pending", "running", "waiting_approval"}

// over reports whether nothing runs any more.
func (l *killLoad) over(s *system) bool {
	if len(l.running(s)) > 0 {
		return false
	}
	for _, status := range unfinished {
		if len(s.workflows("limit=1&status="+status)) > 0 {
			return false
		}
	}
	return true
}

func payID(execution string) string { return fmt.Sprint("pay-", execution) }
