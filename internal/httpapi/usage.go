package httpapi

import (
	"cmp"
	"context"
	"slices"
	"time"

	"autonoma"
	"autonoma/api"
)

type usageIn struct {
	From string `query:"from" doc:"The first day, as in 2026-01-31, in UTC; 29 days before to by default."`
	To   string `query:"to" doc:"The last day, included; today by default."`
}

type usageOut struct {
	Body api.UsageReport
}

func (s *server) usage(ctx context.Context, by autonoma.Actor, in *usageIn) (*usageOut, error) {
	to, err := day("to", in.To, s.now().UTC())
	if err != nil {
		return nil, err
	}
	from, err := day("from", in.From, to.AddDate(0, 0, -29))
	if err != nil {
		return nil, err
	}
	spent, err := s.Tasks.Usage(ctx, by, from, to)
	if err != nil {
		return nil, err
	}
	month, err := s.Tasks.Month(ctx, by)
	if err != nil {
		return nil, err
	}
	report := api.UsageReport{From: from.Format(time.DateOnly), To: to.Format(time.DateOnly), Entries: []api.SpentEntry{}, Details: []api.Detail{}, Month: api.MonthOf(month, s.now())}
	days, agents, models := map[string]*api.Spent{}, map[autonoma.AgentID]*api.Spent{}, map[string]*api.Spent{}
	phases, causes := map[autonoma.Phase]*api.Spent{}, map[autonoma.Cause]*api.Spent{}
	for _, e := range spent {
		if last := len(report.Entries) - 1; last < 0 || report.Entries[last].Day != e.Day || report.Entries[last].Agent != e.Agent || report.Entries[last].Model != e.Model {
			report.Entries = append(report.Entries, api.SpentEntry{Day: e.Day, Agent: e.Agent, Model: e.Model})
		}
		entry, detail := &report.Entries[len(report.Entries)-1], api.Detail{Day: e.Day, Agent: e.Agent, Model: e.Model, Phase: e.Phase, Cause: e.Cause}
		for _, sum := range []*api.Spent{
			&detail.Spent, &entry.Spent, &report.Total, at(days, e.Day), at(agents, e.Agent), at(models, e.Model), at(phases, e.Phase), at(causes, e.Cause),
		} {
			sum.Add(e.Usage)
		}
		report.Details = append(report.Details, detail)
	}
	report.ByDay = sums(days, func(k string, v api.Spent) api.DaySpent { return api.DaySpent{Day: k, Spent: v} })
	report.ByAgent = sums(agents, func(k autonoma.AgentID, v api.Spent) api.AgentSpent { return api.AgentSpent{Agent: k, Spent: v} })
	report.ByModel = sums(models, func(k string, v api.Spent) api.ModelSpent { return api.ModelSpent{Model: k, Spent: v} })
	report.ByPhase = sums(phases, func(k autonoma.Phase, v api.Spent) api.PhaseSpent { return api.PhaseSpent{Phase: k, Spent: v} })
	report.ByCause = sums(causes, func(k autonoma.Cause, v api.Spent) api.CauseSpent { return api.CauseSpent{Cause: k, Spent: v} })
	return &usageOut{report}, nil
}

// day reads a day.
func day(field, text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise.Truncate(24 * time.Hour), nil
	}
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return d, &autonoma.FieldError{Field: field, Reason: "must be a day, as in 2026-01-31"}
	}
	return d, nil
}

// at returns the sum of a key, which is made if it is missing.
func at[K comparable](all map[K]*api.Spent, key K) *api.Spent {
	if all[key] == nil {
		all[key] = new(api.Spent)
	}
	return all[key]
}

// sums lists sums in the order of their keys.
func sums[K cmp.Ordered, V any](all map[K]*api.Spent, line func(K, api.Spent) V) []V {
	keys := make([]K, 0, len(all))
	for k := range all {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return each(keys, func(k K) V { return line(k, *all[k]) })
}
