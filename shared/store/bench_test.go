package store_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/table/embedded"
)

// BenchmarkList reads a page of 20: it must cost the same however many records there are.
func BenchmarkList(b *testing.B) {
	for _, rows := range []int{1000, 100_000} {
		b.Run(strconv.Itoa(rows), func(b *testing.B) {
			s := benchStore(b)
			start := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
			for from := 0; from < rows; from += 100 {
				some := make([]ops.Record, 100)
				for i := range some {
					some[i] = instance(from+i, start.Add(time.Duration(from+i)*time.Second))
				}
				if err := s.Save(b.Context(), some...); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				p, err := s.Instances(b.Context(), ops.InstanceFilter{Status: ops.InstanceRunning})
				if err != nil || len(p.Items) != 20 {
					b.Fatal(len(p.Items), err)
				}
			}
		})
	}
}

// BenchmarkSave stores and reads one instance.
func BenchmarkSave(b *testing.B) {
	s, n := benchStore(b), 0
	for b.Loop() {
		n++
		i := instance(n, time.Time{})
		if err := s.Save(b.Context(), i); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Instance(b.Context(), i.ID); err != nil {
			b.Fatal(err)
		}
	}
}

func instance(n int, created time.Time) *ops.Instance {
	i := &ops.Instance{
		ID: fmt.Sprintf("wf-%07d", n), Template: "booking_processing", TemplateVersion: 1, Status: ops.InstanceRunning,
		Subject: ops.SubjectRef{Type: "booking", ID: fmt.Sprint("bk-", n)},
		Steps:   []ops.StepRecord{{ID: "a", Name: "A"}, {ID: "b", Name: "B"}, {ID: "c", Name: "C"}, {ID: "d", Name: "D"}},
	}
	i.CreatedAt = created
	return i
}

func benchStore(b *testing.B) *store.Store {
	b.Helper()
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	t, err := embedded.NewTable(db, "opsflow", store.Indexes(), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	return store.New(t, rand.NewChaCha8([32]byte{1}), time.Now)
}
