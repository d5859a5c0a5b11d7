package events

import (
	"context"
	"strings"

	"opsflow/shared/local/epoch"
)

type archiveIn struct {
	ArchiveName, EventSourceArn, Description, EventPattern string
	RetentionDays                                          int
}

func (in archiveIn) archive() Archive {
	return Archive{
		Name: in.ArchiveName, SourceARN: in.EventSourceArn, Description: in.Description,
		Pattern: in.EventPattern, RetentionDays: in.RetentionDays,
	}
}

type archiveMade struct {
	ArchiveArn   string
	State        string
	CreationTime epoch.Time
}

func apiCreateArchive(ctx context.Context, e *Engine, in archiveIn) (any, error) {
	a, err := e.CreateArchive(ctx, in.archive())
	if err != nil {
		return nil, err
	}
	return archiveMade{a.ARN, "ENABLED", epoch.Time(a.Created)}, nil
}

func apiUpdateArchive(ctx context.Context, e *Engine, in archiveIn) (any, error) {
	a, err := e.UpdateArchive(ctx, in.archive())
	if err != nil {
		return nil, err
	}
	return archiveMade{a.ARN, "ENABLED", epoch.Time(a.Created)}, nil
}

type archiveOut struct {
	ArchiveArn     string `json:",omitempty"`
	ArchiveName    string
	EventSourceArn string
	Description    string `json:",omitempty"`
	EventPattern   string `json:",omitempty"`
	State          string
	RetentionDays  int
	SizeBytes      int
	EventCount     int
	CreationTime   epoch.Time
}

func showArchive(ctx context.Context, e *Engine, name string) (archiveOut, error) {
	a, size, err := e.Archive(ctx, name)
	return archiveOut{
		a.ARN, a.Name, a.SourceARN, a.Description, a.Pattern, "ENABLED", a.RetentionDays, size.Bytes, size.Events, epoch.Time(a.Created),
	}, err
}

func apiDescribeArchive(ctx context.Context, e *Engine, in struct{ ArchiveName string }) (any, error) {
	out, err := showArchive(ctx, e, in.ArchiveName)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func apiListArchives(ctx context.Context, e *Engine, in struct {
	listing
	EventSourceArn, State string
},
) (any, error) {
	all := []archiveOut{}
	for _, a := range e.Archives() {
		if !strings.HasPrefix(a.Name, in.NamePrefix) || in.EventSourceArn != "" && in.EventSourceArn != a.SourceARN ||
			in.State != "" && in.State != "ENABLED" {
			continue
		}
		one, err := showArchive(ctx, e, a.Name)
		if err != nil {
			return nil, err
		}
		one.ArchiveArn, one.Description, one.EventPattern = "", "", "" // only DescribeArchive gives these
		all = append(all, one)
	}
	part, next, err := page(all, func(a *archiveOut) string { return a.ArchiveName }, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	return struct {
		Archives  []archiveOut
		NextToken string `json:",omitempty"`
	}{part, next}, nil
}

func apiDeleteArchive(ctx context.Context, e *Engine, in struct{ ArchiveName string }) (any, error) {
	return nil, e.DeleteArchive(ctx, in.ArchiveName)
}

type replayTo struct {
	Arn        string
	FilterArns []string `json:",omitempty"`
}

func apiStartReplay(ctx context.Context, e *Engine, in struct {
	ReplayName, Description, EventSourceArn string
	EventStartTime, EventEndTime            epoch.Time
	Destination                             replayTo
},
) (any, error) {
	r, err := e.StartReplay(ctx, Replay{
		Name: in.ReplayName, Description: in.Description, ArchiveARN: in.EventSourceArn,
		From: in.EventStartTime.Std(), To: in.EventEndTime.Std(),
		Destination: in.Destination.Arn, Rules: in.Destination.FilterArns,
	})
	if err != nil {
		return nil, err
	}
	return struct {
		ReplayArn, State string
		ReplayStartTime  epoch.Time
	}{r.ARN, "STARTING", epoch.Time(r.Started)}, nil
}

type replayOut struct {
	ReplayName            string
	ReplayArn             string    `json:",omitempty"`
	Description           string    `json:",omitempty"`
	State                 string    // COMPLETED; RUNNING when a crash ended it
	EventSourceArn        string    // the archive's
	Destination           *replayTo `json:",omitempty"`
	EventStartTime        epoch.Time
	EventEndTime          epoch.Time
	EventLastReplayedTime epoch.Time `json:",omitzero"`
	ReplayStartTime       epoch.Time
	ReplayEndTime         epoch.Time `json:",omitzero"`
}

func showReplay(r *Replay) replayOut {
	return replayOut{
		ReplayName: r.Name, ReplayArn: r.ARN, Description: r.Description, State: r.State, EventSourceArn: r.ArchiveARN,
		Destination:    &replayTo{r.Destination, r.Rules},
		EventStartTime: epoch.Time(r.From), EventEndTime: epoch.Time(r.To), EventLastReplayedTime: epoch.Time(r.Last),
		ReplayStartTime: epoch.Time(r.Started), ReplayEndTime: epoch.Time(r.Ended),
	}
}

func apiDescribeReplay(ctx context.Context, e *Engine, in struct{ ReplayName string }) (any, error) {
	r, err := e.Replay(ctx, in.ReplayName)
	if err != nil {
		return nil, err
	}
	return showReplay(&r), nil
}

// apiCancelReplay ends a replay that a crash broke off: others are over when they have been started.
func apiCancelReplay(ctx context.Context, e *Engine, in struct{ ReplayName string }) (any, error) {
	r, err := e.Replay(ctx, in.ReplayName)
	if err != nil {
		return nil, err
	}
	if r.State != "RUNNING" {
		return nil, &Error{"IllegalStatusException", "Replay " + r.Name + " is not in a valid state for this operation."}
	}
	r.State, r.Ended = "CANCELLED", e.o.Clock.Now()
	if err := e.saveReplay(ctx, r); err != nil {
		return nil, err
	}
	return struct{ ReplayArn, State string }{r.ARN, "CANCELLING"}, nil
}

func apiListReplays(ctx context.Context, e *Engine, in struct {
	listing
	State, EventSourceArn string
},
) (any, error) {
	replays, err := e.Replays(ctx)
	if err != nil {
		return nil, err
	}
	all := []replayOut{}
	for i := range replays {
		r := &replays[i]
		if !strings.HasPrefix(r.Name, in.NamePrefix) || in.State != "" && in.State != r.State ||
			in.EventSourceArn != "" && in.EventSourceArn != r.ArchiveARN {
			continue
		}
		one := showReplay(r)
		one.ReplayArn, one.Description, one.Destination = "", "", nil // only DescribeReplay gives these
		all = append(all, one)
	}
	part, next, err := page(all, func(r *replayOut) string { return r.ReplayName }, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	return struct {
		Replays   []replayOut
		NextToken string `json:",omitempty"`
	}{part, next}, nil
}
