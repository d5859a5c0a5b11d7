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

// recipient checks who a message is to: one of the ways to say so.
func (c *checker) recipient(to *Recipient, path string) {
	if to == nil {
		c.require(false, path, "an object with team, member, role or address", "nothing")
		return
	}
	given := 0
	for _, v := range []string{string(to.Team), to.Member, to.Role, to.Address} {
		if v != "" {
			given++
		}
	}
	c.require(given == 1, path, "an object with one of team, member, role and address", fmt.Sprintf("%d of them", given))
	c.require(to.Team == "" || slices.Contains(Teams(), to.Team), path+".team", oneOf(Teams()), string(to.Team))
	c.require(to.Role == "" || to.Role == "customer" || to.Role == "vendor", path+".role", "customer or vendor", to.Role)
}

// member checks that a value is one of a closed set.
func member[T ~string](c *checker, path string, value T, all []T) {
	if !slices.Contains(all, value) {
		c.fault(path, oneOf(all), strconv.Quote(string(value)))
	}
}
