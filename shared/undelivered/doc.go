// Package undelivered keeps what could not be delivered: it takes the dead letters of the stack's queues, makes a record of
// each event that a function failed on, and lets people send it again or put it away.
package undelivered
