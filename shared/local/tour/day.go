package tour

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// demoBooking is a booking of the tour, and what becomes of it.
type demoBooking struct {
	name, service, area string
	value               float64
	customer            string
	payment             string // approved, rejected, late; empty: none comes
	rating              int    // of the completed service; 0: it is not completed today
}

// demoBookings are the day's.
func demoBookings() []demoBooking {
	return []demoBooking{
		{"bk-01", "cleaning", "Dubai Marina", 120, "Amina Rahman", "approved", 5},
		{"bk-02", "plumbing", "Downtown", 340, "Ben Okafor", "approved", 4},
		{"bk-03", "ac_repair", "Business Bay", 95, "Carla Mendes", "approved", 5},
		{"bk-04", "painting", "Jumeirah", 880, "Deepak Nair", "late", 0},
		{"bk-05", "pest_control", "Deira", 150, "Elena Petrova", "approved", 4},
		{"bk-06", "gardening", "Arabian Ranches", 210, "Farid Aziz", "rejected", 0},
		{"bk-07", "cleaning", "JBR", 190, "Grace Kim", "approved", 1},
		{"bk-08", "handyman", "Al Barsha", 60, "Hassan Ali", "approved", 5},
		{"bk-09", "cleaning", "", 130, "Ines Costa", "", 0},              // does not say where
		{"bk-10", "piano_tuning", "Jumeirah", 400, "Jonas Weber", "", 0}, // nobody does that
	}
}

func (b demoBooking) payID() string { return "pay-" + b.name[len("bk-"):] }

// created is the event of the booking.
func (b demoBooking) created(t *Tour) map[string]any {
	d := map[string]any{
		"booking_id": t.id(b.name), "customer_id": t.id("cu-" + b.name[len("bk-"):]), "service_type": b.service,
		"scheduled_for": t.midnight.Add(36 * time.Hour).Format(time.RFC3339), "service_value": b.value, "currency": "AED",
		"customer": map[string]any{"name": b.customer, "email": b.name + "@customer.example"},
	}
	if b.area != "" {
		d["location"] = map[string]any{"area": b.area}
	}
	return d
}

const minute, hour = time.Minute, time.Hour

// day is the tour: a day of a small marketplace, and the morning after.
func day() []scene {
	scenes := []scene{{7*hour + 30*minute, "The teams come to work", comeToWork}}
	for n, b := range demoBookings() {
		scenes = append(scenes, scene{
			8*hour + time.Duration(n)*12*minute, fmt.Sprintf("%s books %s for %v AED", b.customer, b.service, b.value),
			func(ctx context.Context, t *Tour) error {
				if err := t.event(ctx, ops.BookingCreated, b.created(t)); err != nil {
					return err
				}
				return answerOffers(ctx, t)
			},
		})
	}
	scenes = append(
		scenes,
		scene{10 * hour, "The booking system sends the first booking again: nothing happens twice", func(ctx context.Context, t *Tour) error {
			return t.event(ctx, ops.BookingCreated, demoBookings()[0].created(t))
		}},
		scene{10*hour + 5*minute, "The booking system sends something broken: it is kept, with its faults", func(ctx context.Context, t *Tour) error {
			return t.event(ctx, ops.BookingCreated, map[string]any{"booking_id": t.id("bk 11"), "customer_id": 17})
		}},
		scene{10*hour + 10*minute, "Operations ask Ines Costa where she lives", func(ctx context.Context, t *Tour) error {
			return t.decide(ctx, ops.Operations, "complete_details", func(*ops.Task) *decision {
				return &decision{form: map[string]any{"location": map[string]any{"area": "JLT"}}, comment: "called the customer"}
			})
		}},
		scene{10*hour + 30*minute, "Customers pay", payAll},
		scene{11 * hour, "Finance approve what is in order, reject one payment and leave one", approvePayments},
		scene{11*hour + 30*minute, "A vendor applies without a name: the application fails", applyNameless},
		scene{11*hour + 45*minute, "Vendor management add the name and try again: the workflow goes on where it failed", retryApplication},
		scene{12 * hour, "They verify the vendor, look at its papers, and somebody else approves", func(ctx context.Context, t *Tour) error {
			for _, step := range []string{"verification", "documentation"} {
				err := t.decide(ctx, ops.VendorManagement, step, func(*ops.Task) *decision { return &decision{comment: "checked"} })
				if err != nil {
					return err
				}
			}
			return t.decide(ctx, ops.VendorManagement, "approval", func(*ops.Task) *decision { return &decision{outcome: "approved"} })
		}},
		scene{14 * hour, "Services are done and rated", completeServices},
		scene{15 * hour, "Grace Kim complains", complainOfWork},
		scene{15*hour + 30*minute, "Quality assurance score the services", func(ctx context.Context, t *Tour) error {
			return t.decide(ctx, ops.QualityAssurance, "review", func(k *ops.Task) *decision {
				score := 91
				if k.Subject.ID == t.id("bk-07") {
					score = 38
				}
				return &decision{form: map[string]any{"score": score, "notes": "from the customer's pictures"}}
			})
		}},
		scene{16 * hour, "Quality assurance find the complaint justified, and propose a refund", func(ctx context.Context, t *Tour) error {
			return t.decide(ctx, ops.QualityAssurance, "investigation", func(*ops.Task) *decision {
				return &decision{form: map[string]any{
					"finding": "justified", "refund": true, "refund_amount": 190, "currency": "AED", "answer": "We are sorry, and refund all of it.",
				}}
			})
		}},
		scene{16*hour + 20*minute, "Finance approve the refund", func(ctx context.Context, t *Tour) error {
			return t.decide(ctx, ops.Finance, "approve_refund", func(*ops.Task) *decision { return &decision{outcome: "approved"} })
		}},
		scene{16*hour + 50*minute, "The teams look after their alerts", func(ctx context.Context, t *Tour) error {
			if err := t.alerts(ctx, quinn, ops.AlertCustomerComplaint, "resolve", "refunded, and the vendor was spoken to"); err != nil {
				return err
			}
			return t.alerts(ctx, farah, ops.AlertWorkflowFailed, "acknowledge", "")
		}},
		scene{35 * hour, "The morning after, one payment is late", func(ctx context.Context, t *Tour) error {
			return t.alerts(ctx, farah, ops.AlertSLAViolation, "acknowledge", "")
		}},
	)
	return scenes
}

func comeToWork(ctx context.Context, t *Tour) error {
	for _, p := range members() {
		_, err := t.as(ctx, ada, http.MethodPut, "/v1/members/"+p.name, map[string]any{
			"name": strings.ToUpper(p.name[:1]) + p.name[1:], "teams": []ops.Team{p.team}, "active": true, "email": p.name + "@opsflow.example",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func retryApplication(ctx context.Context, t *Tour) error {
	failed, err := t.workflow(ctx, "vendor_onboarding", "vendor/"+t.id("vendor-cleanfolk"))
	if err != nil {
		return err
	}
	_, err = t.as(ctx, vikram, http.MethodPost, workflowPath(failed.ID)+"/retry", map[string]any{
		"context": map[string]any{"name": "Cleanfolk"}, "reason": "asked the vendor for its name",
	})
	if err != nil {
		return err
	}
	return t.settle(ctx)
}

// answerOffers lets the vendors that are asked take the bookings; of Hassan Ali's, the first one has no time.
func answerOffers(ctx context.Context, t *Tour) error {
	busy := t.id("bk-08")
	for {
		offers, err := t.tasks(ctx, ops.VendorManagement, "offer")
		if err != nil || len(offers) == 0 {
			return err
		}
		for _, k := range offers {
			outcome := ops.OutcomeAccepted
			if k.Subject.ID == busy {
				outcome, busy = ops.OutcomeDeclined, ""
			}
			vendor := person{k.Assignee, "vendors"}
			if _, err := t.as(ctx, vendor, http.MethodPost, taskPath(k.ID)+"/complete", map[string]any{"outcome": outcome}); err != nil {
				return fmt.Errorf("answer of %s: %w", vendor.name, err)
			}
		}
		if err := t.settle(ctx); err != nil {
			return err
		}
	}
}

func payAll(ctx context.Context, t *Tour) error {
	for _, b := range demoBookings() {
		if b.payment == "" {
			continue
		}
		err := t.event(ctx, ops.PaymentReceived, map[string]any{
			"payment_id": t.id(b.payID()), "booking_id": t.id(b.name), "amount": b.value, "currency": "AED", "method": "card",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func approvePayments(ctx context.Context, t *Tour) error {
	what := map[string]string{}
	for _, b := range demoBookings() {
		what[t.id(b.payID())] = b.payment
	}
	return t.decide(ctx, ops.Finance, "processing", func(k *ops.Task) *decision {
		switch what[k.Subject.ID] {
		case "approved":
			return &decision{outcome: "approved", form: map[string]any{"reference": "ref-" + k.Subject.ID}}
		case "rejected":
			return &decision{outcome: "rejected", comment: "the card was stolen"}
		}
		return nil
	})
}

func applyNameless(ctx context.Context, t *Tour) error {
	id := t.id("vendor-cleanfolk")
	return t.start(ctx, vikram, "vendor_onboarding", ops.SubjectRef{Type: "vendor", ID: id}, map[string]any{
		"vendor_id": id, "categories": []string{"cleaning"}, "areas": []string{"Dubai Marina", "JBR"}, "email": "hello@cleanfolk.example",
	})
}

func completeServices(ctx context.Context, t *Tour) error {
	for _, b := range demoBookings() {
		if b.rating == 0 {
			continue
		}
		vendor, err := t.assigned(ctx, b)
		if err != nil {
			return err
		}
		promised := t.midnight.Add(13*hour + 30*minute)
		err = t.event(ctx, ops.ServiceCompleted, map[string]any{
			"booking_id": t.id(b.name), "vendor_id": vendor, "service_type": b.service, "service_value": b.value, "rating": b.rating,
			"started_at": promised.Add(-2 * hour).Format(time.RFC3339), "promised_at": promised.Format(time.RFC3339),
			"completed_at": promised.Add(time.Duration(5-b.rating) * 15 * minute).Format(time.RFC3339),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func complainOfWork(ctx context.Context, t *Tour) error {
	detail := map[string]any{
		"complaint_id": t.id("cp-1"), "booking_id": t.id("bk-07"), "text": "The sofa is wet and nobody answers the phone.", "severity": "high",
	}
	if err := t.event(ctx, ops.CustomerComplaint, detail); err != nil {
		return err
	}
	return t.start(ctx, quinn, "complaint_resolution", ops.SubjectRef{Type: "booking", ID: t.id("bk-07")}, detail)
}
