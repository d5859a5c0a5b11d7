package local_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"opsflow/shared/local"
)

// BenchmarkRestart measures how long the runtime takes to be ready again on what it has kept: with little behind it, and with
// forty times as much. The state of what runs is kept apart from the history of what is over, so that there is nothing to go through.
func BenchmarkRestart(b *testing.B) {
	o := options()
	o.Data = b.TempDir()
	rt, err := local.Start(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	benchOn(b, rt).teach()
	workflows := 0
	grow := func(to int) {
		for ; workflows < to; workflows++ {
			_, err := rt.PutEvent(b.Context(), "booking_confirmed", fmt.Sprintf(`{"booking_id":"bk-%d","customer_id":"cu-1","confirmed_at":"2026-11-09T09:00:00Z"}`, workflows))
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := rt.Clock().WaitIdle(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	restart := func() (took, cpu time.Duration) {
		if err := rt.Close(); err != nil {
			b.Fatal(err)
		}
		before := cpuTime(b)
		if rt, err = local.Start(b.Context(), o); err != nil {
			b.Fatal(err)
		}
		return rt.ReadyIn(), cpuTime(b) - before
	}
	var first time.Duration
	for n, size := range []int{100, 4000} {
		grow(size)
		b.Run(fmt.Sprint(size, " workflows"), func(b *testing.B) {
			var took, cpu time.Duration
			for range b.N {
				t, c := restart()
				took, cpu = took+t, cpu+c
			}
			took, cpu = took/time.Duration(b.N), cpu/time.Duration(b.N)
			b.ReportMetric(float64(took.Microseconds())/1e3, "ms/restart")
			b.ReportMetric(float64(cpu.Microseconds())/1e3, "cpu-ms/restart")
			if n == 0 {
				first = cpu
			}
			b.ReportMetric(float64(cpu)/float64(first), "times-the-first-cpu")
		})
	}
	if err := rt.Close(); err != nil {
		b.Error(err)
	}
}

// cpuTime is what the process has used of the processors: on a busy machine the better clock.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
