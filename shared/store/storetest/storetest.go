// Package storetest is what a store does whatever table it is on: the suite runs on every driver.
package storetest

import (
	"encoding/json"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/table"
)

// Open makes an empty table with store.Indexes, which is gone when the test ends.
type Open func(t *testing.T, now func() time.Time) table.Table

// Run runs the suite, each test on a table of its own.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"records come back as they were saved", recordsComeBackAsTheyWereSaved},
		{"an unknown id is not found", anUnknownIDIsNotFound},
		{"what is not there yet is no error", whatIsNotThereYetIsNoError},
		{"a save of what somebody else changed writes nothing and names it", aSaveOfWhatSomebodyElseChangedWritesNothingAndNamesIt},
		{"a request is done with its change or not at all", aRequestIsDoneWithItsChangeOrNotAtAll},
		{"what was expected of a record holds for its first save", whatWasExpectedOfARecordHoldsForItsFirstSave},
		{"a counter stops at its maximum under concurrency", aCounterStopsAtItsMaximumUnderConcurrency},
		{"an expired record counts as absent", anExpiredRecordCountsAsAbsent},
		{"a record over the limit is too large", aRecordOverTheLimitIsTooLarge},
		{"what is large of an instance is kept apart", whatIsLargeOfAnInstanceIsKeptApart},
		{"an event is found by the id of any delivery", anEventIsFoundByTheIDOfAnyDelivery},
		{"stored rules and templates are read whole", storedRulesAndTemplatesAreReadWhole},
		{"due gives what has a timer earliest first", dueGivesWhatHasATimerEarliestFirst},
		{"what is put off is due later until it is written", whatIsPutOffIsDueLaterUntilItIsWritten},
		{"a rules actions are listed while they wait or have failed", aRulesActionsAreListedWhileTheyWaitOrHaveFailed},
		{"a list gives every record once newest first", aListGivesEveryRecordOnceNewestFirst},
		{"pages go on where they ended while records are added", pagesGoOnWhereTheyEndedWhileRecordsAreAdded},
		{"a cursor works only for its own list and filter", aCursorWorksOnlyForItsOwnListAndFilter},
		{"a limit outside of 1 to 100 is invalid", aLimitOutsideOf1To100IsInvalid},
		{"instances are filtered", instancesAreFiltered},
		{"a list shows an instance without context steps and history", aListShowsAnInstanceWithoutContextStepsAndHistory},
		{"a filter that hardly anything fits ends a page early and the list still ends", aFilterThatHardlyAnythingFitsEndsAPageEarlyAndTheListStillEnds},
		{"events are listed back over the days", eventsAreListedBackOverTheDays},
		{"tasks stand in their queues until they are decided", tasksStandInTheirQueuesUntilTheyAreDecided},
		{"alerts of a status come most severe first", alertsOfAStatusComeMostSevereFirst},
		{"metrics notifications and vendors are listed", metricsNotificationsAndVendorsAreListed},
		{"members are read whole", membersAreReadWhole},
		{"open work follows the tasks", openWorkFollowsTheTasks},
		{"a full member gets no more work", aFullMemberGetsNoMoreWork},
		{"the audit trail of a target has one place for each number", theAuditTrailOfATargetHasOnePlaceForEachNumber},
		{"a chain of audit entries verifies as it is read back", aChainOfAuditEntriesVerifiesAsItIsReadBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open)
		})
	}
}

// start is far ahead, for DynamoDB deletes what has expired by its own clock.
var start = time.Date(2096, 11, 24, 10, 0, 0, 0, time.UTC)

// bundle is a store over a table of its own, with a clock that tests set.
type bundle struct {
	*store.Store
	table table.Table
	clock *testClock
}

type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func setup(t *testing.T, open Open) bundle {
	t.Helper()
	clock := &testClock{now: start}
	tbl := open(t, clock.Now)
	return bundle{Store: store.New(tbl, seeded(1), clock.Now), table: tbl, clock: clock}
}

func seeded(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func (b bundle) save(t *testing.T, records ...ops.Record) {
	t.Helper()
	for _, r := range records {
		if err := b.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }
