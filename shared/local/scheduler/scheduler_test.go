package scheduler_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/events"
	"opsflow/shared/local/scheduler"
	"opsflow/shared/table/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	queueARN = "arn:aws:sqs:us-east-1:000000000000:work"
	roleARN  = "arn:aws:iam::000000000000:role/invoke"
)

var start = time.Date(2026, 3, 27, 9, 30, 15, 0, time.UTC)

// rig is a scheduler on a virtual clock, behind the SDK, whose errands are noted.
type rig struct {
	*testing.T
	*awsscheduler.Client
	clock  *clock.Clock
	db     *embedded.DB
	engine *scheduler.Engine

	mu      sync.Mutex
	errands []events.Errand
	at      []time.Time
}

func setup(t *testing.T) *rig {
	t.Helper()
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, clock: clock.Virtual(start), db: db}
	t.Cleanup(func() {
		r.engine.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	r.open()
	return r
}

// open starts the scheduler on the database, as a new process does.
func (r *rig) open() {
	r.Helper()
	e, err := scheduler.New(r.Context(), scheduler.Options{
		DB: r.db, Clock: r.clock, Random: rand.Reader, Logger: slog.New(slog.DiscardHandler), Account: "000000000000", Region: "us-east-1",
		Dispatch: r.dispatch, Trusts: func(role string) bool { return !strings.HasSuffix(role, "/stranger") },
	})
	if err != nil {
		r.Fatal(err)
	}
	r.engine = e
	if err := e.Resume(); err != nil {
		r.Fatal(err)
	}
	server, transport := httptest.NewServer(scheduler.Handler(e)), &http.Transport{}
	r.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	r.Client = awsscheduler.New(awsscheduler.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 1,
	})
}

func (r *rig) dispatch(_ *bbolt.Tx, errand events.Errand) (func(), error) {
	now := r.clock.Now()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errands, r.at = append(r.errands, errand), append(r.at, now)
	}, nil
}

// want fails unless the schedules happened at these times.
func (r *rig) want(times ...string) {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for _, e := range r.errands {
		got = append(got, e.Slot.Format("01-02 15:04"))
	}
	if strings.Join(got, ", ") != strings.Join(times, ", ") {
		r.Errorf("happened at %v, want %v", got, times)
	}
}

func (r *rig) advance(d time.Duration) {
	r.Helper()
	if err := r.clock.Advance(r.Context(), d); err != nil {
		r.Fatal(err)
	}
}

// schedule makes a schedule with changes to what is usual.
func (r *rig) schedule(expression string, change ...func(*awsscheduler.CreateScheduleInput)) error {
	in := &awsscheduler.CreateScheduleInput{
		Name: aws.String("s"), ScheduleExpression: &expression, FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		Target: &types.Target{Arn: aws.String(queueARN), RoleArn: aws.String(roleARN), Input: aws.String("hello")},
	}
	for _, f := range change {
		f(in)
	}
	_, err := r.CreateSchedule(r.Context(), in)
	return err
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func inZone(zone string) func(*awsscheduler.CreateScheduleInput) {
	return func(in *awsscheduler.CreateScheduleInput) { in.ScheduleExpressionTimezone = &zone }
}

func TestSchedulesHappenAtTheirTimes(t *testing.T) {
	t.Parallel()
	between := func(from, to string) func(*awsscheduler.CreateScheduleInput) {
		return func(in *awsscheduler.CreateScheduleInput) {
			for text, into := range map[string]**time.Time{from: &in.StartDate, to: &in.EndDate} {
				if at, err := time.Parse(time.RFC3339, text); err == nil {
					*into = &at
				}
			}
		}
	}
	for _, c := range []struct {
		name, expression string
		change           func(*awsscheduler.CreateScheduleInput)
		days             int
		want             []string
	}{
		{"once", "at(2026-03-28T08:00:00)", inZone("UTC"), 3, []string{"03-28 08:00"}},
		{"once, in a zone", "at(2026-03-28T08:00:00)", inZone("Asia/Dubai"), 3, []string{"03-28 04:00"}},
		{"once, in the past", "at(2026-03-27T09:30:14)", inZone("UTC"), 3, nil},
		{"a rate begins at once", "rate(12 hours)", inZone("UTC"), 1, []string{"03-27 09:30", "03-27 21:30", "03-28 09:30"}},
		{"a rate from its start", "rate(1 days)", between("2026-03-28T07:00:00Z", ""), 2, []string{"03-28 07:00", "03-29 07:00"}},
		{"a rate to its end", "rate(12 hours)", between("", "2026-03-27T22:00:00Z"), 3, []string{"03-27 09:30", "03-27 21:30"}},
		{"cron within its dates", "cron(0 6 * * ? *)", between("2026-03-28T06:00:00Z", "2026-03-29T06:00:00Z"), 5, []string{"03-28 06:00", "03-29 06:00"}},
		{"the summer time begins: 2:30 does not exist", "cron(30 2 * * ? *)", inZone("Europe/Berlin"), 4, []string{"03-28 01:30", "03-30 00:30", "03-31 00:30"}},
		{"nor does it once", "at(2026-03-29T02:30:00)", inZone("Europe/Berlin"), 4, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := setup(t)
			r.must(r.schedule(c.expression, c.change))
			r.advance(time.Duration(c.days) * 24 * time.Hour)
			r.want(c.want...)
		})
	}
}

func TestTimeThatOccursTwiceHappensOnce(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.advance(time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC).Sub(start))
	r.must(r.schedule("cron(30 2 * * ? *)", inZone("Europe/Berlin")))
	r.advance(48 * time.Hour)
	r.want("10-25 00:30", "10-26 01:30")
}

func TestFlexibleWindowChoosesAMoment(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.must(r.schedule("cron(0 * * * ? *)", func(in *awsscheduler.CreateScheduleInput) {
		in.FlexibleTimeWindow = &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: aws.Int32(15)}
	}))
	r.advance(48 * time.Hour)
	if len(r.errands) != 48 {
		t.Fatalf("happened %d times, want 48", len(r.errands))
	}
	different := map[time.Duration]bool{}
	for i, e := range r.errands {
		late := r.at[i].Sub(e.Slot)
		if different[late] = true; late < 0 || late >= 15*time.Minute {
			t.Errorf("%s later than its time", late)
		}
	}
	if len(different) < 2 {
		t.Error("always at the same moment of the window")
	}
}

func TestWhatIsSentNamesTheSchedule(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.must(r.schedule("at(2026-03-27T10:00:00)", func(in *awsscheduler.CreateScheduleInput) {
		in.Target.Input = aws.String(`<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number>`)
	}))
	r.must(r.schedule("at(2026-03-27T10:00:00)", func(in *awsscheduler.CreateScheduleInput) {
		in.Name, in.Target.Input, in.Target.Arn = aws.String("plain"), nil, aws.String("arn:aws:lambda:us-east-1:000000000000:function:f")
	}))
	r.advance(time.Hour)
	if len(r.errands) != 2 {
		t.Fatalf("got %+v", r.errands)
	}
	for _, e := range r.errands {
		want := "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s 2026-03-27T10:00:00Z <aws.scheduler.attempt-number>"
		if strings.HasSuffix(e.Schedule, "/plain") {
			want = `{"account":"000000000000","detail":"{}","detail-type":"Scheduled Event","id":"` + e.ID +
				`","region":"us-east-1","resources":["` + e.Schedule + `"],"source":"aws.scheduler","time":"2026-03-27T10:00:00Z","version":"0"}`
		}
		if e.Target.Input != want || *e.Target.RetryPolicy.MaximumRetryAttempts != 185 {
			t.Errorf("sent %+v, want %s", e.Target, want)
		}
	}
}

func TestScheduleIsDeletedWhenItIsOver(t *testing.T) {
	t.Parallel()
	r := setup(t)
	for name, action := range map[string]types.ActionAfterCompletion{"goes": types.ActionAfterCompletionDelete, "stays": types.ActionAfterCompletionNone} {
		r.must(r.schedule("at(2026-03-27T10:00:00)", func(in *awsscheduler.CreateScheduleInput) { in.Name, in.ActionAfterCompletion = &name, action }))
	}
	r.advance(time.Hour)
	r.engine.Close()
	r.open()
	r.advance(time.Hour)
	r.want("03-27 10:00", "03-27 10:00")
	list, err := r.ListSchedules(t.Context(), &awsscheduler.ListSchedulesInput{})
	if err != nil || len(list.Schedules) != 1 || *list.Schedules[0].Name != "stays" || *list.Schedules[0].Target.Arn != queueARN {
		t.Errorf("got %+v, %v", list, err)
	}
	_, err = r.GetSchedule(t.Context(), &awsscheduler.GetScheduleInput{Name: aws.String("goes")})
	var none *types.ResourceNotFoundException
	if !errors.As(err, &none) || *none.Message != "Schedule goes does not exist." {
		t.Errorf("got %v", err)
	}
}

func TestDisabledScheduleDoesNotHappenUntilItIsEnabled(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.must(r.schedule("cron(0 * * * ? *)", func(in *awsscheduler.CreateScheduleInput) { in.State = types.ScheduleStateDisabled }))
	r.advance(2 * time.Hour)
	r.want()
	if _, err := r.UpdateSchedule(t.Context(), &awsscheduler.UpdateScheduleInput{
		Name: aws.String("s"), ScheduleExpression: aws.String("cron(0 * * * ? *)"), FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: "OFF"},
		Target: &types.Target{Arn: aws.String(queueARN), RoleArn: aws.String(roleARN)},
	}); err != nil {
		t.Fatal(err)
	}
	r.advance(time.Hour)
	r.want("03-27 12:00")
	got, err := r.GetSchedule(t.Context(), &awsscheduler.GetScheduleInput{Name: aws.String("s")})
	if err != nil || got.State != types.ScheduleStateEnabled || !got.CreationDate.Equal(start) || got.LastModificationDate.Equal(start) || *got.ScheduleExpressionTimezone != "UTC" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSchedulesSurviveTheProcess(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.must(r.schedule("at(2026-03-27T10:00:00)"))
	r.must(r.schedule("cron(0 * * * ? *)", func(in *awsscheduler.CreateScheduleInput) { in.Name = aws.String("hourly") }))
	r.engine.Close()
	r.advance(150 * time.Minute) // nobody is there
	r.want()
	r.open()
	r.advance(time.Hour)
	r.want("03-27 10:00", "03-27 13:00") // what happens once is made up for
	r.engine.Close()
	r.open()
	r.advance(time.Hour)
	r.want("03-27 10:00", "03-27 13:00", "03-27 14:00")
}

func TestGroupsHoldSchedulesAndTags(t *testing.T) {
	t.Parallel()
	r := setup(t)
	ctx := t.Context()
	made, err := r.CreateScheduleGroup(ctx, &awsscheduler.CreateScheduleGroupInput{Name: aws.String("night"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("ops")}}})
	r.must(err)
	for i := range 3 {
		r.must(r.schedule("rate(1 hour)", func(in *awsscheduler.CreateScheduleInput) {
			in.Name, in.GroupName = aws.String("s"+strconv.Itoa(i)), aws.String("night")
		}))
	}
	r.must(r.schedule("rate(1 hour)"))
	var names []string
	pages := awsscheduler.NewListSchedulesPaginator(r.Client, &awsscheduler.ListSchedulesInput{GroupName: aws.String("night"), MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		r.must(err)
		for _, s := range page.Schedules {
			names = append(names, *s.Name)
		}
	}
	if strings.Join(names, " ") != "s0 s1 s2" {
		t.Errorf("listed %v", names)
	}
	if _, err := r.UntagResource(ctx, &awsscheduler.UntagResourceInput{ResourceArn: made.ScheduleGroupArn, TagKeys: []string{"team"}}); err != nil {
		t.Fatal(err)
	}
	_, err = r.TagResource(ctx, &awsscheduler.TagResourceInput{ResourceArn: made.ScheduleGroupArn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
	r.must(err)
	tags, err := r.ListTagsForResource(ctx, &awsscheduler.ListTagsForResourceInput{ResourceArn: made.ScheduleGroupArn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "a" {
		t.Errorf("tags %+v, %v", tags, err)
	}
	if _, err := r.DeleteScheduleGroup(ctx, &awsscheduler.DeleteScheduleGroupInput{Name: aws.String("night")}); err != nil {
		t.Fatal(err)
	}
	list, err := r.ListSchedules(ctx, &awsscheduler.ListSchedulesInput{})
	if err != nil || len(list.Schedules) != 1 {
		t.Errorf("after the group was deleted: %+v, %v", list, err)
	}
	groups, err := r.ListScheduleGroups(ctx, &awsscheduler.ListScheduleGroupsInput{})
	if err != nil || len(groups.ScheduleGroups) != 1 || *groups.ScheduleGroups[0].Name != "default" {
		t.Errorf("groups %+v, %v", groups, err)
	}
}

func TestScheduleIsRefusedAsAWSDoes(t *testing.T) {
	t.Parallel()
	r := setup(t)
	for want, c := range map[string]struct {
		expression string
		change     func(*awsscheduler.CreateScheduleInput)
	}{
		"ValidationException: Invalid Schedule Expression cron(0 1 * * * *).":        {"cron(0 1 * * * *)", nil},
		"ValidationException: Invalid Schedule Expression rate(10 seconds).":         {"rate(10 seconds)", nil},
		"ValidationException: Invalid Schedule Expression at(2021-12-31T23:59:59Z).": {"at(2021-12-31T23:59:59Z)", nil},
		"ValidationException: Invalid Schedule Expression rate( 10 minutes ).":       {"rate( 10 minutes )", nil},
		"ValidationException: Invalid ScheduleExpressionTimezone Mars/Base.":         {"rate(1 hour)", inZone("Mars/Base")},
		"ValidationException: Provided Arn is not in correct format.":                {"rate(1 hour)", func(in *awsscheduler.CreateScheduleInput) { in.Target.Arn = aws.String("queue") }},
		"ResourceNotFoundException: Schedule group none does not exist.":             {"rate(1 hour)", func(in *awsscheduler.CreateScheduleInput) { in.GroupName = aws.String("none") }},
		"ValidationException: The StartDate you specify must come before the EndDate.": {"rate(1 hour)", func(in *awsscheduler.CreateScheduleInput) {
			in.StartDate, in.EndDate = aws.Time(start.Add(2*time.Hour)), aws.Time(start.Add(time.Hour))
		}},
		"ValidationException: Invalid RequestJson provided. Reason The RequestJson provided is not valid JSON.": {"rate(1 hour)", func(in *awsscheduler.CreateScheduleInput) {
			in.Target.Arn = aws.String("arn:aws:lambda:us-east-1:000000000000:function:f")
		}},
		"ValidationException: The execution role you provide must allow AWS EventBridge Scheduler to assume the role.": {
			"rate(1 hour)", func(in *awsscheduler.CreateScheduleInput) {
				in.Target.RoleArn = aws.String("arn:aws:iam::000000000000:role/stranger")
			},
		},
		"ValidationException: 2 validation errors detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [0-9a-zA-Z-_.]+; " +
			`Value 'r' at 'target.roleArn' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:aws(-[a-z]+)?:iam::\d{12}:role\/[\w+=,.@\/-]+`: {
			"rate(1 hour)", func(in *awsscheduler.CreateScheduleInput) {
				in.Name, in.Target.RoleArn = aws.String("a b"), aws.String("r")
			},
		},
	} {
		change := c.change
		if change == nil {
			change = func(*awsscheduler.CreateScheduleInput) {}
		}
		err := r.schedule(c.expression, change)
		e, ok := errors.AsType[smithy.APIError](err)
		if !ok || e.ErrorCode()+": "+e.ErrorMessage() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	r.must(r.schedule("rate(1 hour)", func(in *awsscheduler.CreateScheduleInput) { in.ClientToken = aws.String("t") }))
	r.must(r.schedule("rate(1 hour)", func(in *awsscheduler.CreateScheduleInput) { in.ClientToken = aws.String("t") })) // the same request again
	var exists *types.ConflictException
	if err := r.schedule("rate(1 hour)"); !errors.As(err, &exists) || *exists.Message != "Schedule s already exists." {
		t.Errorf("got %v", err)
	}
}
