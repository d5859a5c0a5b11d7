// Package rule decides what must happen for an event: the condition language, the built-in rules, and the engine that
// turns an event into one record of decisions and the effects that follow from it.
//
// The condition language is shared: workflow steps ask their `when` and their decisions in it too.
package rule
