import{a as r}from"./chunk-EA5TH3T4.js";import{b as e}from"./chunk-437CPEUN.js";function t(){return e(r,{title:"x",children:"x"})}export{t as default};
