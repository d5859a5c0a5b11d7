package ops

import "context"

type expectedKey struct{}

// Expected is the version that a record must have when a request changes it for the first time.
type Expected struct {
	Ref Ref
	V   int64
	// Met says that the record has been changed since, from that version.
	Met bool
}

// WithExpected gives a context under which a Save of the record that ref names fails with CodePreconditionFailed if it is
// made from another version than v. The first Save that succeeds ends the condition. Saves under it must not run at the same
// time.
func WithExpected(ctx context.Context, ref Ref, v int64) context.Context {
	return context.WithValue(ctx, expectedKey{}, &Expected{Ref: ref, V: v})
}

// ExpectedOf is the condition that ctx carries; nil for none.
func ExpectedOf(ctx context.Context) *Expected {
	e, _ := ctx.Value(expectedKey{}).(*Expected)
	return e
}
