package vendor

import (
	"fmt"

	"opsflow/shared/ops"
)

// Answered gives what the answers to an offer say of its vendors, and the id of that evidence. A vendor that was passed over,
// or that takes everything unasked, says nothing.
func Answered(offerID string, o *ops.Offer) (string, map[string]ops.Fact) {
	facts := map[string]ops.Fact{}
	for n, t := range o.Turns {
		if t.Answer == "" || t.AskedAt.IsZero() || t.Answer == ops.ReplyAccepted && t.AnsweredBy == ops.System().ID {
			continue
		}
		facts[fmt.Sprintf("%s%d", factAnswer, n)] = ops.Fact{
			At: t.AnsweredAt, VendorID: t.VendorID, Done: t.AnsweredAt, Answer: t.Answer, Minutes: t.AnsweredAt.Sub(t.AskedAt).Minutes(),
		}
	}
	return "offer/" + offerID, facts
}
