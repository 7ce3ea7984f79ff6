package deps

import (
	"regexp"
	"strings"
)

// identifier is an expression of SPDX as packages write it: identifiers, joined.
var identifier = regexp.MustCompile(`^\(?[A-Za-z0-9][A-Za-z0-9.+-]*(?: (?:AND|OR|WITH) \(?[A-Za-z0-9][A-Za-z0-9.+-]*\)?)*\)?$`)

// said are names that people write for licences, in lower case.
var said = map[string]string{
	"mit": "MIT", "mit license": "MIT", "the mit license": "MIT", "expat": "MIT",
	"apache 2.0": "Apache-2.0", "apache-2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0", "apache software license": "Apache-2.0", "apache 2": "Apache-2.0",
	"bsd": "BSD-3-Clause", "bsd license": "BSD-3-Clause", "new bsd license": "BSD-3-Clause", "3-clause bsd": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause", "simplified bsd license": "BSD-2-Clause",
	"isc license": "ISC", "isc license (iscl)": "ISC", "isc": "ISC",
	"mpl 2.0": "MPL-2.0", "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
	"gnu general public license v2 (gplv2)": "GPL-2.0-only", "gnu general public license v3 (gplv3)": "GPL-3.0-only", "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later", "gplv3": "GPL-3.0-only", "gplv2": "GPL-2.0-only",
	"gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only", "gnu affero general public license v3": "AGPL-3.0-only",
	"python software foundation license": "PSF-2.0", "the unlicense (unlicense)": "Unlicense", "public domain": "Unlicense",
}

// spdx returns the expression that a package says its licence is, "" if it is none.
func spdx(text string) string {
	text = strings.TrimSpace(text)
	if id, ok := said[strings.ToLower(text)]; ok {
		return id
	}
	if len(text) > 200 || !identifier.MatchString(text) || !strings.ContainsAny(text, "-0123456789") && !plainIDs[text] {
		return ""
	}
	return text
}

// plainIDs are identifiers of SPDX that look like any other word.
var plainIDs = map[string]bool{"MIT": true, "ISC": true, "Unlicense": true, "Zlib": true, "WTFPL": true, "X11": true, "curl": true, "Ruby": true, "PostgreSQL": true, "NCSA": true}

// A print is words that are in the text of a licence, all of them, and words that are
// not. They are in lower case, with one space between.
type print struct {
	id         string
	has, lacks []string
}

// prints are looked through in order.
var prints = []print{
	{"AGPL-3.0-only", []string{"gnu affero general public license version 3, 19 november 2007"}, nil},
	{"LGPL-3.0-only", []string{"gnu lesser general public license version 3, 29 june 2007"}, nil},
	{"LGPL-2.1-only", []string{"gnu lesser general public license version 2.1, february 1999"}, nil},
	{"GPL-3.0-only", []string{"gnu general public license version 3, 29 june 2007"}, nil},
	{"GPL-2.0-only", []string{"gnu general public license version 2, june 1991"}, nil},
	{"MPL-2.0", []string{"mozilla public license version 2.0"}, nil},
	{"Apache-2.0", []string{"apache license", "version 2.0"}, nil},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}, nil},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "neither the name"}, nil},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "may not be used to endorse or promote"}, nil},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms", "redistributions in binary form must reproduce"}, []string{"endorse or promote"}},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy", "the software is provided \"as is\""}, nil},
	{"ISC", []string{"permission to use, copy, modify, and", "distribute this software for any purpose with or without fee is hereby granted"}, nil},
}

// licenceOf returns the licence whose text this is, "" if it is none of the well-known.
func licenceOf(text string) string {
	flat := strings.Join(strings.Fields(strings.ToLower(strings.NewReplacer("*", " ", "//", " ", "“", `"`, "”", `"`, "``", `"`, "''", `"`).Replace(text))), " ")
	for _, p := range prints {
		if hasAll(flat, p.has) && !hasAny(flat, p.lacks) {
			return p.id
		}
	}
	return ""
}

func hasAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

func hasAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
