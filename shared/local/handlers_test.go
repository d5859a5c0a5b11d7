package local

import (
	"strconv"
	"testing"
)

func TestAnswerOutlivesLaterInvocations(t *testing.T) {
	t.Parallel()
	h := handler{func(n int) (int, error) { return n, nil }}
	var answers [][]byte
	for n := 100; n < 200; n++ {
		answer, err := h.Invoke(t.Context(), []byte(strconv.Itoa(n)))
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer)
	}
	for i, answer := range answers {
		if want := strconv.Itoa(100 + i); string(answer) != want {
			t.Fatalf("the answer to %s has become %s", want, answer)
		}
	}
}
