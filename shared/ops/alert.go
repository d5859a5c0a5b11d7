package ops

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// AlertType says what an alert is about.
type AlertType string

// The alert types.
const (
	AlertSLAViolation      AlertType = "sla_violation"
	AlertQualityDrop       AlertType = "quality_drop"
	AlertVendorUnavailable AlertType = "vendor_unavailable"
	AlertWorkflowFailed    AlertType = "workflow_failed"
	AlertPerformanceIssue  AlertType = "performance_issue"
	AlertResourceOverload  AlertType = "resource_overload"
	AlertCustomerComplaint AlertType = "customer_complaint"
	AlertSystemError       AlertType = "system_error"
)

// AlertTypes lists the alert types.
func AlertTypes() []AlertType {
	return []AlertType{
		AlertSLAViolation, AlertQualityDrop, AlertVendorUnavailable, AlertWorkflowFailed,
		AlertPerformanceIssue, AlertResourceOverload, AlertCustomerComplaint, AlertSystemError,
	}
}

// Severity ranks alerts.
type Severity string

// The severities, lowest first.
const (
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Rank is 1 for low to 4 for critical, 0 for anything else. Order by rank, never by name.
func (s Severity) Rank() int {
	switch s {
	case SeverityLow:
		return 1
	case SeverityMedium:
		return 2
	case SeverityHigh:
		return 3
	case SeverityCritical:
		return 4
	}
	return 0
}

// AlertStatus tells how an alert stands.
type AlertStatus string

// The statuses of an alert.
const (
	AlertOpen         AlertStatus = "open"
	AlertAcknowledged AlertStatus = "acknowledged"
	AlertInProgress   AlertStatus = "in_progress"
	AlertResolved     AlertStatus = "resolved"
	AlertClosed       AlertStatus = "closed"
)

// Alert tells people that something is wrong. The same cause raises its count, not a second alert.
type Alert struct {
	Meta
	ID             string      `json:"id"` // "alr-" and a hash of the cause
	Type           AlertType   `json:"type"`
	Severity       Severity    `json:"severity"`
	Status         AlertStatus `json:"status"`
	Title          string      `json:"title"`
	Detail         string      `json:"detail,omitempty"`
	Subject        SubjectRef  `json:"subject,omitzero"`
	InstanceID     string      `json:"instance,omitempty"`
	Team           Team        `json:"team,omitempty"` // who is to deal with it
	CauseKey       string      `json:"cause_key"`      // what makes two causes the same
	Count          int         `json:"count"`
	LastSeenAt     time.Time   `json:"last_seen_at"`
	Opened         int         `json:"opened"`           // how often it was opened: once, and once more with each reopening
	Ladder         string      `json:"ladder,omitempty"` // whom it climbs to; empty: the ladder of its severity
	LadderStep     int         `json:"ladder_position"`  // how many rungs were told of it since it was opened
	AcknowledgedBy string      `json:"acknowledged_by,omitempty"`
	AcknowledgedAt time.Time   `json:"acknowledged_at,omitzero"`
	ResolvedBy     string      `json:"resolved_by,omitempty"`
	ResolvedAt     time.Time   `json:"resolved_at,omitzero"`
	Resolution     string      `json:"resolution,omitempty"`
	Reason         string      `json:"reason,omitempty"`
	Cause          Cause       `json:"cause,omitzero"`
}

// The timers of an alert.
const (
	// TimerAnnounce is set while nobody was told yet that the alert was opened, or that an instance failed.
	TimerAnnounce = "announce"
	// TimerEscalate is when the next rung of its ladder is told of an open alert, or when an acknowledgement lapses.
	TimerEscalate = "escalate"
)

// Ref names the record.
func (a *Alert) Ref() Ref { return Ref{KindAlert, a.ID} }

// AlertID is the id of the alert for a cause: the same type, subject and key give the same alert.
func AlertID(t AlertType, subject SubjectRef, key string) string {
	return HashID("alr-", string(t), subject.String(), key)
}

// AlertFilter narrows a list of alerts. Zero fields match everything.
type AlertFilter struct {
	Status   AlertStatus
	Type     AlertType
	Severity Severity
	Subject  SubjectRef
	PageRequest
}

// AlertStore keeps alerts.
type AlertStore interface {
	// Alert reads one. CodeNotFound.
	Alert(ctx context.Context, id string) (*Alert, error)
	// Alerts lists: with a status, the most severe first, then newest; else newest first.
	Alerts(ctx context.Context, f AlertFilter) (Page[*Alert], error)
}

// Severities lists the severities, lowest first.
func Severities() []Severity {
	return []Severity{SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

// AlertStatuses lists the statuses of an alert.
func AlertStatuses() []AlertStatus {
	return []AlertStatus{AlertOpen, AlertAcknowledged, AlertInProgress, AlertResolved, AlertClosed}
}

// maxAlertDetail is the longest detail of an alert, in bytes.
const maxAlertDetail = 4000

// Faults tells everything that is wrong with an alert.
func (a *Alert) Faults() []Fault {
	c := &checker{}
	c.id("$.id", a.ID)
	member(c, "$.type", a.Type, AlertTypes())
	member(c, "$.severity", a.Severity, Severities())
	member(c, "$.status", a.Status, AlertStatuses())
	c.text("$.title", a.Title, maxAlertTitle)
	if len(a.Detail) > maxAlertDetail {
		c.fault("$.detail", fmt.Sprintf("a text of at most %d bytes", maxAlertDetail), a.Detail)
	}
	c.subject("$.subject", a.Subject)
	if a.Count < 1 {
		c.fault("$.count", "at least 1", strconv.Itoa(a.Count))
	}
	return c.faults
}
