// Package ops is the domain of opsflow: what it speaks of, and what it needs from the outside.
//
// Each file is one noun: the type with its fields as the API and the store spell them, its limits, its
// validation, and the contract of whoever keeps it. The package imports nothing else of this module and no AWS
// type; adapters (store, aws/...) implement its contracts, domain packages (rule, workflow, task, ...) use them.
package ops
