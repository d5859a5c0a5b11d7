package ops

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Warning is something odd about what people wrote that is no fault: it is kept as it is, and may not do what was meant.
type Warning struct {
	Path    string `json:"path"` // "$.condition.all[0].path"
	Message string `json:"message"`
}

// checker gathers the faults of one record.
type checker struct{ faults []Fault }

func (c *checker) fault(path, expected, got string) {
	c.faults = append(c.faults, Fault{Path: path, Expected: expected, Got: shorten(got)})
}

func (c *checker) require(ok bool, path, expected, got string) {
	if !ok {
		c.fault(path, expected, got)
	}
}

func (c *checker) id(path, value string) {
	if !ValidID(value) {
		c.fault(path, idText, strconv.Quote(value))
	}
}

// text checks a text for people: not empty, not endless.
func (c *checker) text(path, value string, most int) {
	if strings.TrimSpace(value) == "" || len(value) > most {
		c.fault(path, fmt.Sprintf("a text of 1 to %d bytes", most), strconv.Quote(value))
	}
}

func (c *checker) between(path string, value, low, high float64) {
	if !(value >= low && value <= high) { // NaN is in no range
		c.fault(path, fmt.Sprintf("a number from %g to %g", low, high), fmt.Sprint(value))
	}
}

// subject checks a subject that may be absent.
func (c *checker) subject(path string, s SubjectRef) {
	if s.IsZero() {
		return
	}
	c.id(path+".type", s.Type)
	c.id(path+".id", s.ID)
}

// member checks that a value is one of a closed set.
func member[T ~string](c *checker, path string, value T, all []T) {
	if !slices.Contains(all, value) {
		c.fault(path, oneOf(all), strconv.Quote(string(value)))
	}
}
