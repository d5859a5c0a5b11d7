package ops

import (
	"context"
	"encoding/json"
	"slices"
)

// Watch is what starts a condition_based template's workflows: whenever the condition on a record of a kind turns from false
// to true, one about that record.
type Watch struct {
	Subject string    `json:"subject"`       // booking, payment, vendor
	When    Condition `json:"when,omitzero"` // over subject.*: the record's fields; absent: it holds as soon as there is one
	// Context is what each workflow works on; texts that begin with "$." are paths into {subject}. Absent: nothing.
	Context map[string]json.RawMessage `json:"context,omitempty"`
}

// WatchedSubjects lists what can be watched.
func WatchedSubjects() []string { return []string{SubjectBooking, SubjectPayment, SubjectVendor} }

// WatchState is what a watch last saw of a record. It is part of the record, so that a change and what it starts are one
// write.
type WatchState struct {
	Holds bool `json:"holds"`
	Times int  `json:"times"` // how often it turned true
}

// Watches lists what the templates watch that start now. It is written with every publication that changes it.
type Watches struct {
	Meta
	Templates []WatchingTemplate `json:"templates"`
}

// WatchingTemplate is one template that watches.
type WatchingTemplate struct {
	Template string `json:"template"`
	Version  int    `json:"template_version"`
	Watch    Watch  `json:"watch"`
}

// Ref names the record; there is one.
func (w *Watches) Ref() Ref { return Ref{KindWatches, "templates"} }

// Set takes over what a template watches, from the version that starts; nil: nothing any more. It reports whether that is new.
func (w *Watches) Set(name string, t *Template) bool {
	was := len(w.Templates)
	w.Templates = slices.DeleteFunc(w.Templates, func(one WatchingTemplate) bool { return one.Template == name })
	if t == nil || t.Watch == nil {
		return len(w.Templates) != was
	}
	w.Templates = append(w.Templates, WatchingTemplate{name, t.Version, *t.Watch})
	return true
}

// On gives the templates that watch records of a kind.
func (w *Watches) On(subject string) []WatchingTemplate {
	var on []WatchingTemplate
	for _, one := range w.Templates {
		if one.Watch.Subject == subject {
			on = append(on, one)
		}
	}
	return on
}

// WatchStore keeps what is watched.
type WatchStore interface {
	// Watches reads it, consistently; empty with V 0 when nothing was ever watched.
	Watches(ctx context.Context) (*Watches, error)
}

// TimerWatch is set on a vendor that changed while vendors are watched.
const TimerWatch = "watch"

func (c *templateCheck) watch() {
	t := c.t
	c.require((t.Trigger == TriggerCondition) == (t.Watch != nil), "$.watch", "given when the trigger is condition_based, and only then", string(t.Trigger))
	if t.Watch != nil {
		member(&c.checker, "$.watch.subject", t.Watch.Subject, WatchedSubjects())
	}
}
