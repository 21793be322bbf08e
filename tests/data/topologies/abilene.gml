graph [
  directed 0
  Network "Abilene"
  label "Abilene"
  Type "REN"
  node [
    id 0
    label "New York"
    Country "United States"
    Longitude -74.01
    Internal 1
    Latitude 40.71
  ]
  node [
    id 1
    label "Chicago"
    Country "United States"
    Longitude -87.65
    Internal 1
    Latitude 41.85
  ]
  node [
    id 2
    label "Washington DC"
    Country "United States"
    Longitude -77.04
    Internal 1
    Latitude 38.90
  ]
  node [
    id 3
    label "Seattle"
    Country "United States"
    Longitude -122.33
    Internal 1
    Latitude 47.61
  ]
  node [
    id 4
    label "Sunnyvale"
    Country "United States"
    Longitude -122.04
    Internal 1
    Latitude 37.37
  ]
  node [
    id 5
    label "Los Angeles"
    Country "United States"
    Longitude -118.24
    Internal 1
    Latitude 34.05
  ]
  node [
    id 6
    label "Denver"
    Country "United States"
    Longitude -104.98
    Internal 1
    Latitude 39.74
  ]
  node [
    id 7
    label "Kansas City"
    Country "United States"
    Longitude -94.63
    Internal 1
    Latitude 39.11
  ]
  node [
    id 8
    label "Houston"
    Country "United States"
    Longitude -95.36
    Internal 1
    Latitude 29.76
  ]
  node [
    id 9
    label "Atlanta"
    Country "United States"
    Longitude -84.39
    Internal 1
    Latitude 33.75
  ]
  node [
    id 10
    label "Indianapolis"
    Country "United States"
    Longitude -86.16
    Internal 1
    Latitude 39.77
  ]
  edge [
    source 0
    target 1
    LinkLabel "OC-192c"
  ]
  edge [
    source 0
    target 2
    LinkLabel "OC-192c"
  ]
  edge [
    source 1
    target 10
    LinkLabel "OC-192c"
  ]
  edge [
    source 2
    target 9
    LinkLabel "OC-192c"
  ]
  edge [
    source 3
    target 4
    LinkLabel "OC-192c"
  ]
  edge [
    source 3
    target 6
    LinkLabel "OC-192c"
  ]
  edge [
    source 4
    target 5
    LinkLabel "OC-192c"
  ]
  edge [
    source 4
    target 6
    LinkLabel "OC-12c"
    LinkSpeed "622"
    LinkSpeedUnits "M"
    LinkSpeedRaw 622000000.0
  ]
  edge [
    source 5
    target 8
    LinkLabel "OC-192c"
  ]
  edge [
    source 6
    target 7
    LinkLabel "OC-192c"
  ]
  edge [
    source 7
    target 8
    LinkLabel "OC-192c"
  ]
  edge [
    source 7
    target 10
    LinkLabel "OC-192c"
  ]
  edge [
    source 8
    target 9
    LinkLabel "OC-192c"
  ]
  edge [
    source 9
    target 10
    LinkLabel "OC-192c"
  ]
]
