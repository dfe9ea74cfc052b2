# The AccessKey is that of ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET.
chatmetric query \
  --endpoint=⟦url:string⟧ \
⟦?IsvCode⟧  --isv-code=⟦IsvCode:string⟧ \
⟦/⟧⟦?CustSpaceId⟧  --space=⟦CustSpaceId:string⟧ \
⟦/⟧⟦?Granularity⟧  --granularity=⟦Granularity{"DAILY":"daily","HALF_HOUR":"half-hour"}⟧ \
⟦/⟧⟦?PhoneNumber⟧  --number=⟦PhoneNumber:string⟧ \
⟦/⟧  --start=⟦Start:int=1693107714687⟧ \
  --end=⟦End:int=1693407714687⟧ \
  --output=json
