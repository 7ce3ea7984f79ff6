package main

import (
	"context"

	"autonoma"
	"autonoma/api"
)

// rigor returns what is known of the models and the sandbox of executions.
func (a *app) rigor(context.Context) api.RigorHealth {
	h := api.RigorHealth{
		Status: api.Healthy, Models: map[autonoma.Intelligence]api.RigorModel{},
		Sandbox: api.SandboxOf(autonoma.Isolation{}),
	}
	for _, tier := range autonoma.Intelligences {
		h.Models[tier] = a.thinks(tier)
	}
	if a.box != nil {
		h.Sandbox = api.SandboxOf(a.worker.Engine.Isolation())
	}
	sound, said := a.soundness()
	switch {
	case a.noModel != nil:
		h.Status, h.Message = api.Unhealthy, new(a.noModel.Error())
	case sound != api.Healthy:
		h.Status, h.Message = sound, &said
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
