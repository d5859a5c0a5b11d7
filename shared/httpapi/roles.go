package httpapi

import (
	"strings"

	"opsflow/shared/ops"
)

// action is something that the API lets people do. Its name is what an audit entry or a refusal calls it.
type action string

// The actions.
const (
	readWorkflows     action = "workflow.read"
	startWorkflows    action = "workflow.start"
	controlWorkflows  action = "workflow.control"
	readTasks         action = "task.read"
	workOnTasks       action = "task.work"
	readMessages      action = "notification.read"
	resendMessages    action = "notification.resend"
	readMembers       action = "member.read"
	writeMembers      action = "member.write"
	readConnections   action = "connection.read"
	writeConnections  action = "connection.write"
	readEvents        action = "event.read"
	putEvents         action = "event.put"
	replayEvents      action = "event.replay"
	readTemplates     action = "template.read"
	writeTemplates    action = "template.write"
	publishTemplates  action = "template.publish"
	readRules         action = "rule.read"
	writeRules        action = "rule.write"
	switchRules       action = "rule.mode"
	pauseRules        action = "rule.pause_all"
	readAlerts        action = "alert.read"
	workOnAlerts      action = "alert.work"
	workInBulk        action = "bulk.work"
	readBulk          action = "bulk.read"
	raiseAlerts       action = "alert.raise"
	readAudit         action = "audit.read"
	shareTimelines    action = "timeline.share"
	writeVendors      action = "vendor.write"
	measureVendors    action = "vendor.measure"
	readVendors       action = "vendor.read"
	readSchemas       action = "schema.read"
	findAnything      action = "find"
	readUndelivered   action = "undelivered.read"
	resendUndelivered action = "undelivered.resend"
)

// mayDo says which teams may do what; admins may do everything, and who is in no team nothing. Whether somebody may
// do it to a certain task or workflow is its service's to say: it knows whose it is.
var mayDo = map[action][]ops.Team{
	readWorkflows:     {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	startWorkflows:    {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	controlWorkflows:  {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	readTasks:         {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance, ops.Vendors}, // their own offers
	workOnTasks:       {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance, ops.Vendors}, // likewise
	readMessages:      {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	resendMessages:    {ops.Operations},
	readMembers:       {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	writeMembers:      {},
	readConnections:   {ops.Operations},
	writeConnections:  {},
	readEvents:        {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	putEvents:         {ops.Operations},
	replayEvents:      {ops.Operations},
	readTemplates:     {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	writeTemplates:    {ops.Operations},
	publishTemplates:  {},
	readRules:         {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	writeRules:        {ops.Operations},
	switchRules:       {ops.Operations},
	pauseRules:        {ops.Operations},
	readAlerts:        {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	workOnAlerts:      {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	workInBulk:        {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	readBulk:          {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	raiseAlerts:       {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	readAudit:         {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	shareTimelines:    {ops.Operations},
	writeVendors:      {ops.VendorManagement},
	measureVendors:    {ops.VendorManagement, ops.QualityAssurance},
	readVendors:       {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	readSchemas:       {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance},
	findAnything:      {ops.Operations, ops.VendorManagement, ops.QualityAssurance, ops.Finance}, // of each kind only what they may read
	readUndelivered:   {ops.Operations},
	resendUndelivered: {ops.Operations},
}

// Authorize refuses with CodeForbidden what the actor's teams may not do, by the action's name ("workflow.start"). An action
// that is not in the table is for admins only.
func Authorize(actor ops.Actor, what string) error { return authorize(actor, action(what)) }

// singleActions says what somebody must be allowed to do to each item of a bulk operation.
var singleActions = map[ops.BulkAction]action{
	ops.BulkAcknowledgeAlerts: workOnAlerts,
	ops.BulkResolveAlerts:     workOnAlerts,
	ops.BulkCloseAlerts:       workOnAlerts,
	ops.BulkClaimTasks:        workOnTasks,
	ops.BulkCompleteTasks:     workOnTasks,
	ops.BulkRejectTasks:       workOnTasks,
	ops.BulkPauseWorkflows:    controlWorkflows,
	ops.BulkResumeWorkflows:   controlWorkflows,
	ops.BulkCancelWorkflows:   controlWorkflows,
	ops.BulkRetryWorkflows:    controlWorkflows,
	ops.BulkReplayEvents:      replayEvents,
}

// AuthorizeBulk refuses with CodeForbidden a bulk operation of which the actor's teams may not do the single items.
func AuthorizeBulk(actor ops.Actor, what ops.BulkAction) error {
	if err := authorize(actor, workInBulk); err != nil {
		return err
	}
	return authorize(actor, singleActions[what])
}

// authorize refuses with CodeForbidden what the actor's teams may not do, and says who may.
func authorize(actor ops.Actor, what action) error {
	if actor.In(ops.Admin) {
		return nil
	}
	for _, team := range mayDo[what] {
		if actor.In(team) {
			return nil
		}
	}
	return ops.Errorf(ops.CodeForbidden, "%s is for %s", what, strings.Join(whoMay(what), ", "))
}

// whoMay names the teams whose members may do something.
func whoMay(what action) []string {
	who := []string{}
	for _, team := range mayDo[what] {
		who = append(who, string(team))
	}
	return append(who, string(ops.Admin))
}
