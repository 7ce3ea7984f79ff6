package provider

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

// tierNames are the tiers, the cheapest first.
var tierNames = []string{"core", "pro", "ultra"}

// Tiers are the models that were found.
type Tiers struct{ byName map[string][]model.Model }

// Options say how a model of a tier is to behave for one run. The zero value is
// good.
type Options struct {
	Retry  model.Policy
	Notify func(model.Attempt) // of tries that failed; may be nil
	Stall  time.Duration       // default: wire.DefaultIdle
}

// Model returns the model of a tier ("core", "pro" or "ultra"): each of its
// choices gives up on a stalled turn and is asked again when that may help; when
// it cannot be used at all, the next is asked. It is cheap to make.
func (t Tiers) Model(tier string, o Options) (model.Model, error) {
	choices := t.byName[tier]
	if len(choices) == 0 {
		return nil, fmt.Errorf("there is no model for tier %q: the tiers are core, pro and ultra", tier)
	}
	if o.Stall <= 0 {
		o.Stall = wire.DefaultIdle
	}
	var ready []model.Model
	for _, m := range choices {
		ready = append(ready, model.Retry(model.Stall(m, o.Stall), o.Retry, o.Notify))
	}
	return Fallback(ready...), nil
}

// Infos describes the models of a tier, the preferred one first.
func (t Tiers) Infos(tier string) []model.Info {
	var infos []model.Info
	for _, m := range t.byName[tier] {
		infos = append(infos, m.Info())
	}
	return infos
}

func allTiers(list []Choice) map[string][]Choice {
	tiers := map[string][]Choice{}
	for _, name := range tierNames {
		tiers[name] = list
	}
	return tiers
}

// fill gives tiers that are not configured the models of the next one below, or
// else above.
func fill(configured map[string][]Choice) (map[string][]Choice, error) {
	for name, list := range configured {
		if !slices.Contains(tierNames, name) {
			return nil, fmt.Errorf("tier %q does not exist: the tiers are core, pro and ultra", name)
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("tier %s has no models: name one, or leave the tier out", name)
		}
	}
	if len(configured) == 0 {
		return nil, errors.New("no tier is configured")
	}
	tiers := map[string][]Choice{}
	for i, name := range tierNames {
		order := slices.Concat(tierNames[i:i+1], backwards(tierNames[:i]), tierNames[i+1:])
		for _, other := range order {
			if list, ok := configured[other]; ok {
				tiers[name] = list
				break
			}
		}
	}
	return tiers, nil
}

func backwards(names []string) []string {
	names = slices.Clone(names)
	slices.Reverse(names)
	return names
}
