package local_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/faults"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "repeat the simulation of this seed alone")
	seedsFlag = flag.Uint64("seeds", 8, "how many seeds are simulated, from 1 on")
)

// A simulation is a day of a marketplace, on a virtual clock, while calls to AWS go wrong: which, and how, follows from the
// seed, and so does what people, vendors and customers do. Then nothing goes wrong any more, the system comes to rest, and
// whatever was accepted must have been done, once.
func TestADayOfFaultsLosesNothingAndDoesNothingTwice(t *testing.T) {
	t.Parallel()
	if *seedFlag > 0 {
		simulate(t, *seedFlag)
		return
	}
	for seed := range *seedsFlag {
		t.Run(fmt.Sprint("seed ", seed+1), func(t *testing.T) {
			t.Parallel()
			simulate(t, seed+1)
		})
	}
}

// simulation is a day under faults, with what was accepted of it.
type simulation struct {
	*system

	rt     *local.Runtime
	random *rand.Rand
	keys   int // that requests were sent under so far

	bookings  []*simBooking
	sent      []string        // ids that EventBridge or the API gave to accepted events
	started   []string        // workflows that people started
	decided   map[ack]string  // what was decided
	rejected  map[string]bool // workflows in which somebody said no
	retried   int             // workflows that failed of faults, and were tried again
	resent    int             // what could not be delivered, and was sent again
	forms     map[string]map[string]json.RawMessage
	completed map[string]int // services, by vendor
}

// ack is a decision that was accepted. Several vendors can answer one offer, one after the other.
type ack struct{ task, by string }

func simulate(t *testing.T, seed uint64) {
	t.Helper()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 9, 7, 0, 0, 0, time.UTC)) // a Monday
	rt := start(t, o)
	m := &simulation{
		system: newSystem(t, rt), rt: rt, random: rand.New(rand.NewPCG(seed, 0)), decided: map[ack]string{}, rejected: map[string]bool{},
		completed: map[string]int{},
	}
	m.prepare()
	plan := m.plan(seed)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("faults: %+v", plan)
			t.Logf("again by: go test ./shared/local -run TestADayOfFaults -seed %d", seed)
		}
	})
	m.ask(http.MethodPost, "/dev/faults", "", plan, http.StatusOK, nil)
	m.day()
	var happened faultReport
	m.get("/dev/faults", &happened)
	m.ask(http.MethodDelete, "/dev/faults", "", nil, http.StatusOK, nil)
	m.comeToRest()
	m.check()
	fired := map[string]int{}
	for _, f := range happened.Faults {
		fired[f.Kind] += f.Fired
	}
	t.Logf("seed %d: %d events, %d workflows, %d decisions; faults %v; %d workflows tried again by hand, %d events sent again",
		seed, len(m.sent), len(m.pages("/v1/workflows", 100)), len(m.decided), fired, m.retried, m.resent)
}

// target is what a fault of a simulation may meet.
type target struct{ service, operation, function string }

func targets() []target {
	list := []target{
		{"dynamodb", "", ""},
		{"dynamodb", "PutItem", ""},
		{"dynamodb", "TransactWriteItems", ""},
		{"dynamodb", "Query", ""},
		{"dynamodb", "", "opsflow-run-steps"},
		{"dynamodb", "", "opsflow-sweep-due"},
		{"states", "", ""},
		{"states", "StartExecution", ""},
		{"states", "SendTaskSuccess", ""},
		{"states", "SendTaskFailure", ""},
		{"events", "PutEvents", ""},
		{"ses", "", ""},
		{"sns", "", ""},
		{"lambda", "", ""},
	}
	for _, function := range []string{
		"match-bookings", "match-payments", "match-services", "run-steps", "open-task", "record-outcome", "sweep-due", "deliver-notification",
		"score-vendor", "keep-undelivered", "api",
	} {
		list = append(list, target{"lambda", "Invoke", "opsflow-" + function})
	}
	return list
}

// plan draws the faults of a day.
func (m *simulation) plan(seed uint64) object {
	all := targets()
	var list []object
	for range 8 + m.random.IntN(9) {
		kind := faults.Kinds()[m.random.IntN(len(faults.Kinds()))]
		on := all[m.random.IntN(len(all))]
		f := object{"kind": kind, "service": on.service, "probability": 0.01 + 0.3*m.random.Float64()*m.random.Float64()}
		if on.operation != "" {
			f["operation"] = on.operation
		}
		if on.function != "" {
			f["function"] = on.function
		}
		by := time.Duration(1+m.random.IntN(1200)) * time.Second
		if kind == faults.Delay || kind == faults.Reorder || kind == faults.Duplicate && m.random.IntN(2) == 0 {
			f["by"] = by.String()
		}
		list = append(list, f)
	}
	return object{"seed": seed, "faults": list}
}
