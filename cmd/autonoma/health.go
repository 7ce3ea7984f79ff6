package main

import (
	"context"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/sandbox"
)

// rigor returns what is known of the models and the sandbox of executions.
func (a *app) rigor(context.Context) api.RigorHealth {
	h := api.RigorHealth{
		Status: api.Healthy, Models: map[autonoma.Intelligence]api.RigorModel{},
		Sandbox: api.RigorSandbox{ProvenBy: []string{}},
	}
	for _, tier := range autonoma.Intelligences {
		h.Models[tier] = a.thinks(tier)
	}
	if a.box != nil {
		h.Sandbox.Level = new(string(a.box.Level()))
		for _, c := range a.boxProof.Checks {
			if c.OK {
				h.Sandbox.ProvenBy = append(h.Sandbox.ProvenBy, c.Name)
			}
		}
	}
	switch {
	case a.noModel != nil:
		h.Status, h.Message = api.Unhealthy, new(a.noModel.Error())
	case a.boxError != nil:
		h.Status, h.Message = api.Unhealthy, new(a.boxError.Error()+"; run autonoma doctor")
	case a.box.Level() == sandbox.None:
		h.Status, h.Message = api.Degraded, new("commands are not confined, by the operator's word")
	}
	return h
}

// thinks returns the models of a tier.
func (a *app) thinks(tier autonoma.Intelligence) api.RigorModel {
	m := api.RigorModel{Status: api.Unhealthy, Fallbacks: []string{}}
	if a.noModel != nil {
		return m
	}
	for i, info := range a.tiers.Infos(string(tier)) {
		name := info.Provider + "/" + info.Name
		if i == 0 {
			m.Status, m.Model = api.Healthy, &name
			continue
		}
		m.Fallbacks = append(m.Fallbacks, name)
	}
	return m
}
