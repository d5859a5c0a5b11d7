package calendar_test

import (
	"fmt"
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

// A task that is due eight business hours after it was opened on a Friday afternoon.
func ExampleCalendar_Deadline() {
	c, err := calendar.Parse("Europe/Berlin", "Mon-Fri 09:00-17:00", "2026-12-25")
	if err != nil {
		panic(err)
	}
	friday := time.Date(2026, 11, 27, 15, 0, 0, 0, time.UTC)
	fmt.Println(c.Deadline(friday, ops.Duration{D: 8 * time.Hour, Business: true}).Format(time.RFC1123))
	// Output: Mon, 30 Nov 2026 15:00:00 UTC
}
