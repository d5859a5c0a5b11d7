// Package workflow runs work of more than one step: templates, their compilation to state machines, and the runner that
// the machines' states call.
//
// The instance's record is the checkpoint; an execution of the state machine only drives it. Each invocation of run-steps
// or open-task claims the instance, does whatever the record says is ready, and stores what came of it. So an invocation
// may die at any point, or come twice, and nothing is done twice: effects on our own records are stored in the same
// transaction as the step that made them, events carry ids that follow from instance and step.
package workflow
