package workflow

import (
	"context"
	"math/big"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// maxAmount is how long an amount may be, in characters.
const maxAmount = 62

// paymentValidate tells what is odd about a payment. That is no failure: Finance sees it when asked for the approval.
func paymentValidate(_ context.Context, in ActionInput) (ActionResult, error) {
	problems := []string{}
	amount := string(in.value("amount"))
	// What is no plain decimal isn't even read: written out, an exponent could fill the memory.
	n, ok := new(big.Rat), len(amount) <= maxAmount && strings.Trim(amount, "-0123456789.") == ""
	if ok {
		n, ok = n.SetString(amount)
	}
	switch {
	case !ok:
		problems = append(problems, "there is no amount")
	case n.Sign() <= 0:
		problems = append(problems, "the amount is not above zero")
	}
	if c := in.text("currency"); len(c) != 3 || strings.Trim(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		problems = append(problems, "there is no currency code of three letters")
	}
	if in.id("booking") == "" {
		problems = append(problems, "no booking is named")
	}
	return ActionResult{Output: map[string]any{"valid": len(problems) == 0, "problems": problems}}, nil
}

// paymentConfirm makes the payment confirmed: what watches over pending payments stops doing so.
func paymentConfirm(ctx context.Context, in ActionInput) (ActionResult, error) {
	return paymentStatus(ctx, in, "confirmed")
}

// paymentFail makes the payment failed; it is what a refused approval brings about.
func paymentFail(ctx context.Context, in ActionInput) (ActionResult, error) {
	return paymentStatus(ctx, in, "failed")
}

func paymentStatus(ctx context.Context, in ActionInput, status string) (ActionResult, error) {
	out := ActionResult{Output: map[string]any{"status": status}}
	s, err := in.subject(ctx, "payment")
	if err != nil || s == nil {
		return out, err
	}
	if err := in.set(s, "status", status); err != nil {
		return ActionResult{}, err
	}
	out.Writes = []ops.Record{s}
	return out, nil
}

// paymentRecord notes on the payment when it was booked and who approved it.
func paymentRecord(ctx context.Context, in ActionInput) (ActionResult, error) {
	by := text(in.Params["approved_by"])
	out := ActionResult{Output: map[string]any{"recorded_at": in.Now.Format(time.RFC3339), "approved_by": by}}
	s, err := in.subject(ctx, "payment")
	if err != nil || s == nil {
		return out, err
	}
	if err := in.set(s, "recorded_at", in.Now); err != nil {
		return ActionResult{}, err
	}
	if err := in.set(s, "approved_by", by); err != nil {
		return ActionResult{}, err
	}
	out.Writes = []ops.Record{s}
	return out, nil
}
