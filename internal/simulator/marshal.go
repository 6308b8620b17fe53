package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
)

// MarshalJSON renders the slim form the list of campaigns has by default.
func (c Campaign) MarshalJSON() ([]byte, error) {
	type slim Campaign
	return extend(slim(c), c.Extra)
}

// full renders the detail FULL of a campaign.
func (c *Campaign) full() *Campaign {
	detail := map[string]any{
		"modified":                      c.Modified,
		"filter":                        nil,
		"sunsetCommentsRequired":        true,
		"sourceOwnerCampaignInfo":       nil,
		"searchCampaignInfo":            nil,
		"roleCompositionCampaignInfo":   nil,
		"machineAccountCampaignInfo":    nil,
		"sourcesWithOrphanEntitlements": nil,
		"mandatoryCommentRequirement":   c.MandatoryCommentRequirement,
	}
	maps.Copy(detail, c.Extra)
	full := *c
	full.Extra = detail
	return &full
}

// MarshalJSON renders the header.
func (c Certification) MarshalJSON() ([]byte, error) {
	type plain Certification
	return extend(plain(c), c.Extra)
}

// MarshalJSON renders the row.
func (r Reviewer) MarshalJSON() ([]byte, error) {
	type plain Reviewer
	return extend(plain(r), r.Extra)
}

// MarshalJSON renders the item without its permissions.
func (i ReviewItem) MarshalJSON() ([]byte, error) {
	type plain ReviewItem
	return extend(plain(i), i.Extra)
}

// MarshalJSON renders the row.
func (p Permission) MarshalJSON() ([]byte, error) {
	type plain Permission
	return extend(plain(p), p.Extra)
}

// MarshalJSON renders the task.
func (t Task) MarshalJSON() ([]byte, error) {
	type plain Task
	return extend(plain(t), t.Extra)
}

// MarshalJSON renders the row.
func (c NextGenerationCampaign) MarshalJSON() ([]byte, error) {
	type plain NextGenerationCampaign
	return extend(plain(c), c.Extra)
}

// marshalRows renders a page from what its rows render themselves. json.Marshal
// would read each row once more, which is two thirds of the cost of a page.
func marshalRows(rows []json.Marshaler) ([]byte, error) {
	page := []byte{'['}
	for n, row := range rows {
		if n > 0 {
			page = append(page, ',')
		}
		if reflect.ValueOf(row).IsNil() {
			page = append(page, "null"...)
			continue
		}
		b, err := row.MarshalJSON()
		if err != nil {
			return nil, err
		}
		page = append(page, b...)
	}
	return append(page, ']'), nil
}

// extend marshals v, an object, and merges extra into it.
func extend(v any, extra map[string]any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil || len(extra) == 0 {
		return b, err
	}
	return merge(b, extra)
}

func merge(object []byte, extra map[string]any) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, fmt.Errorf("merge into %s: %w", object, err)
	}
	for name, value := range extra {
		inner, isMap := value.(map[string]any)
		var err error
		if old := members[name]; isMap && len(old) > 0 && old[0] == '{' {
			members[name], err = merge(old, inner)
		} else {
			members[name], err = json.Marshal(value)
		}
		if err != nil {
			return nil, fmt.Errorf("merge %s: %w", name, err)
		}
	}
	return json.Marshal(members)
}
