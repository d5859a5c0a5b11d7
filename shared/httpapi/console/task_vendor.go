package console

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"opsflow/shared/ops"
)

// offerVendors makes the fields that ask for a vendor a choice: of those that can take the task's booking, the best first,
// then of the others, each with the reason why it is left out. Without a booking it is a choice of all vendors.
func (c *Console) offerVendors(q *request, v taskView) error {
	for i := range v.Fields {
		f := &v.Fields[i]
		if f.Type != "vendor" {
			continue
		}
		booking := bookingOf(v)
		ranked, err := c.Vendors.RankFor(q.Context(), booking)
		switch code := ops.ErrorCode(err); {
		case code == ops.CodeNotFound || code == ops.CodeInvalid:
			if ranked, err = c.anyVendor(q); err != nil {
				return err
			}
		case err != nil:
			return fmt.Errorf("rank the vendors for %s: %w", booking, err)
		default:
			f.See = "/vendors/rank?booking=" + query(booking)
		}
		for _, one := range ranked {
			if one.Excluded != "" {
				f.Others = append(f.Others, option{one.VendorID, one.Name + ": " + one.Excluded})
				continue
			}
			text := one.Name
			if one.Score > 0 {
				text = strconv.Itoa(len(f.Choices)+1) + ". " + text + " (" + strconv.Itoa(int(math.Round(one.Score))) + " of 100)"
			}
			f.Choices = append(f.Choices, option{one.VendorID, text})
		}
	}
	return nil
}

// bookingOf is the booking that a task is about; empty: it is about none.
func bookingOf(v taskView) string {
	if v.Subject.Type == "booking" {
		return v.Subject.ID
	}
	var id string
	if v.Workflow != nil {
		_ = json.Unmarshal(v.Workflow.Context["booking_id"], &id) //nolint:errcheck // no text is no booking
	}
	return id
}

// anyVendor lists the vendors, unranked.
func (c *Console) anyVendor(q *request) ([]ops.Candidate, error) {
	p, err := c.Store.Vendors(q.Context(), ops.VendorFilter{PageRequest: ops.PageRequest{Limit: ops.MaxPageLimit}})
	if err != nil {
		return nil, fmt.Errorf("list vendors: %w", err)
	}
	list := make([]ops.Candidate, len(p.Items))
	for i, v := range p.Items {
		list[i] = ops.Candidate{VendorID: v.ID, Name: v.Name}
	}
	return list, nil
}
