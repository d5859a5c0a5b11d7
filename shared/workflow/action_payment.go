package workflow

import (
	"context"
	"math/big"
	"regexp"
	"time"

	"opsflow/shared/ops"
)

var (
	currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)
	decimal      = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,30})?$`)
)

// paymentValidate tells what is odd about a payment. That is no failure: Finance sees it when asked for the approval.
func paymentValidate(_ context.Context, in ActionInput) (ActionResult, error) {
	problems := []string{}
	amount := string(in.value("amount"))
	switch n, ok := new(big.Rat).SetString(amount); {
	case !decimal.MatchString(amount) || !ok:
		problems = append(problems, "there is no amount")
	case n.Sign() <= 0:
		problems = append(problems, "the amount is not above zero")
	}
	if !currencyCode.MatchString(in.text("currency")) {
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
