package deps_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"autonoma/internal/deps"
)

const (
	mit = "MIT License\n\nCopyright (c) 2024 Somebody\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\nof this software ...\n\nTHE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY"
	isc = "Permission to use, copy, modify, and/or distribute this software for any\npurpose with or without fee is hereby granted, provided that"
	bsd = "Redistribution and use in source and binary forms, with or without\nmodification ...\n * Redistributions in binary form must reproduce the above"
)

func TestLicence(t *testing.T) {
	files := map[string]string{
		"github.com/!burnt!sushi/toml@v1.6.0/COPYING": mit,
		"example.org/two@v1.0.0/LICENSE":              bsd,
		"example.org/three@v1.0.0/LICENSE.txt":        bsd + "\n * Neither the name of Somebody nor the names of its contributors may be used to endorse or promote products",
		"example.org/isc@v1.0.0/LICENSE":              isc,
		"example.org/apache@v1.0.0/LICENSE":           "                                 Apache License\n                           Version 2.0, January 2004",
		"example.org/mpl@v1.0.0/LICENSE":              "Mozilla Public License Version 2.0\n==================================",
		"example.org/gpl2@v1.0.0/COPYING":             "                    GNU GENERAL PUBLIC LICENSE\n                       Version 2, June 1991\n the GNU Lesser General Public License instead",
		"example.org/gpl3@v1.0.0/COPYING":             "                    GNU GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007\n 13. Use with the GNU Affero General Public License.",
		"example.org/lgpl@v1.0.0/COPYING":             "                   GNU LESSER GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007",
		"example.org/agpl@v1.0.0/COPYING":             "                    GNU AFFERO GENERAL PUBLIC LICENSE\n                       Version 3, 19 November 2007",
		"example.org/free@v1.0.0/UNLICENSE":           "This is free and unencumbered software released into the public domain.",
		"example.org/own@v1.0.0/LICENSE":              "All rights reserved. Ask us.",
		"vendor/example.org/vendored/LICENSE":         mit,
		"node_modules/a/package.json":                 `{"version": "1.0.0", "license": "(MIT OR Apache-2.0)"}`,
		"node_modules/@s/b/package.json":              `{"version": "1.0.0", "license": {"type": "BSD"}}`,
		"node_modules/c/package.json":                 `{"version": "1.0.0", "license": "SEE LICENSE IN LICENSE"}`,
		"node_modules/c/LICENSE":                      mit,
		"node_modules/d/package.json":                 `{"version": "1.0.0", "license": "UNLICENSED"}`,
		"My_Pkg-1.0.0.dist-info/METADATA":             "Metadata-Version: 2.4\nName: My_Pkg\nLicense-Expression: MIT\n\nLicense: GPL-3.0-only",
		"old-2.0.dist-info/METADATA":                  "Name: old\r\nClassifier: License :: OSI Approved :: Apache Software License\r\n\r\n",
	}
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, tt := range []struct{ ecosystem, name, version, want string }{
		{deps.Go, "github.com/BurntSushi/toml", "v1.6.0", "MIT"},
		{deps.Go, "github.com/BurntSushi/toml", "v1.5.0", ""},
		{deps.Go, "example.org/two", "v1.0.0", "BSD-2-Clause"},
		{deps.Go, "example.org/three", "v1.0.0", "BSD-3-Clause"},
		{deps.Go, "example.org/isc", "v1.0.0", "ISC"},
		{deps.Go, "example.org/apache", "v1.0.0", "Apache-2.0"},
		{deps.Go, "example.org/mpl", "v1.0.0", "MPL-2.0"},
		{deps.Go, "example.org/gpl2", "v1.0.0", "GPL-2.0-only"},
		{deps.Go, "example.org/gpl3", "v1.0.0", "GPL-3.0-only"},
		{deps.Go, "example.org/lgpl", "v1.0.0", "LGPL-3.0-only"},
		{deps.Go, "example.org/agpl", "v1.0.0", "AGPL-3.0-only"},
		{deps.Go, "example.org/free", "v1.0.0", "Unlicense"},
		{deps.Go, "example.org/own", "v1.0.0", ""},
		{deps.Go, "example.org/vendored", "v9.0.0", "MIT"},
		{deps.Go, "../../etc", "v1.0.0", ""},
		{deps.NPM, "a", "1.0.0", "(MIT OR Apache-2.0)"},
		{deps.NPM, "a", "2.0.0", ""},
		{deps.NPM, "@s/b", "1.0.0", "BSD-3-Clause"},
		{deps.NPM, "c", "1.0.0", "MIT"},
		{deps.NPM, "d", "1.0.0", ""},
		{deps.PyPI, "my-pkg", "1.0", "MIT"},
		{deps.PyPI, "old", "2.0", "Apache-2.0"},
		{deps.PyPI, "other", "1.0", ""},
		{deps.Maven, "g:a", "1.0", ""},
	} {
		id, ok := deps.Licence(root, deps.Dep{Ecosystem: tt.ecosystem, Name: tt.name, Version: tt.version})
		if id != tt.want || ok != (tt.want != "") {
			t.Errorf("%s %s is under %q, %v; want %q", tt.name, tt.version, id, ok, tt.want)
		}
	}
}

func TestPURL(t *testing.T) {
	for want, d := range map[string]deps.Dep{
		"pkg:golang/github.com/burntsushi/toml@v1.6.0": {Ecosystem: deps.Go, Name: "github.com/BurntSushi/toml", Version: "v1.6.0"},
		"pkg:npm/%40angular/core@12.3.1":               {Ecosystem: deps.NPM, Name: "@angular/core", Version: "12.3.1"},
		"pkg:pypi/django-allauth@12.23":                {Ecosystem: deps.PyPI, Name: "django-allauth", Version: "12.23"},
		"pkg:cargo/rand@0.7.2":                         {Ecosystem: deps.Crates, Name: "rand", Version: "0.7.2"},
		"pkg:maven/org.apache.xmlgraphics/batik@1.9.1": {Ecosystem: deps.Maven, Name: "org.apache.xmlgraphics:batik", Version: "1.9.1"},
		"pkg:gem/rails":                                {Ecosystem: deps.RubyGems, Name: "rails"},
		"pkg:composer/laravel/laravel@5.5.0%2Bx":       {Ecosystem: deps.Packagist, Name: "laravel/laravel", Version: "5.5.0+x"},
	} {
		if got := deps.PURL(d); got != want {
			t.Errorf("%+v is %s, want %s", d, got, want)
		}
	}
}

func TestSBOM(t *testing.T) {
	set := read(t, tree("-- go.mod --\nmodule m\n\nrequire (\n\texample.org/a v1.0.0\n\texample.org/b v1.0.0 // indirect\n)\n-- sub/go.mod --\nmodule s\n\nrequire example.org/a v1.0.0\n"))
	at := time.Date(2026, 11, 24, 12, 0, 0, 5, time.FixedZone("", 3600))
	text, err := deps.SBOM(set, "shop", at)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := deps.SBOM(set, "shop", at)
	if !bytes.Equal(text, again) {
		t.Error("the same set gives another bill")
	}
	var b struct {
		BOMFormat, SpecVersion, SerialNumber string
		Metadata                             struct {
			Timestamp string
			Component struct{ Name, Type string }
		}
		Components []struct{ Type, Name, Version, PURL string }
	}
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	if b.BOMFormat != "CycloneDX" || b.SpecVersion != "1.6" || !strings.HasPrefix(b.SerialNumber, "urn:uuid:") || len(b.SerialNumber) != 45 ||
		b.Metadata.Timestamp != "2026-11-24T11:00:00Z" || b.Metadata.Component.Name != "shop" || len(b.Components) != 2 ||
		b.Components[1].PURL != "pkg:golang/example.org/b@v1.0.0" || b.Components[1].Type != "library" {
		t.Errorf("the bill is %s", text)
	}
	empty, err := deps.SBOM(deps.Set{}, "nothing", at)
	if err != nil || !bytes.Contains(empty, []byte(`"components": []`)) {
		t.Errorf("the bill of nothing is %s, %v", empty, err)
	}
}
