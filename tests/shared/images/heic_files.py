"""HEIC files of an encoder that tests do not have, written by libheif and x265."""

from __future__ import annotations

import base64

GARMENTS = base64.b85decode(
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0004(ZDn*}000000000XXk=`10000000000aA{+700000000000000000000G-+&aV*mgE07O6l0s"
    "sL300001y8r<I0000000P4R0ssI200e#j0RR9100000Bme*aIB98aW&i*H00062000$fZf0cy000000RRAKc4ILB0000LX>Mj^0ssI300IC2MR;j"
    "u000004sdC7Z2$lO00031007o$aB^?}006gXaAR)(004Msc4I>U18@KU0FVFx0000U@BsY%`1k+-4+CHT0RR|40Sp2E{{wIU00RJ!0009300RIXx"
    "&lC90096iLID8-Z~y=U0FVFx0{{R603M(aAYo;?l1givfQEwt00093G5`Pr00IzV00968L;=Baup&SJ000wXZ)|dIV{CW;0RRmE27mwn02FC+aAg"
    "1h000000Du4h0AK(B01$9#cxeCt0009B2nYZG02gU+ZD9Za00000009621c3qr1ONa48fkK6W&i*H000004r63<V*mmG0RRC200QrAWMOmw00O@#"
    "0k1ZwQWEQGo?K4}X^FHjzYyzq-n$I$M+OvJ{#EMsoB_aNBCN0O(n!eQl&|3r2bQ?C`v@i)6+aG2@B-_Nrz)?4%2TG?DDQ)L1X#EYs51H#!Z{`bdH"
    "6&j2q1bE|1;Ttuj=Qm&6W?HEUYxeff;tqLwoQ>t65xs3ISq=U5;ivT4&gUIES6NC69Z#{>Pqbf%yfc`zE0gH00y(+8^qo&9LQ(B0Z@FOSHs`4@L8"
    "8E7gk6Hs(7tB&_^Ke{|UiD~8;?#=5Yf?gFki>Z@APZGI>HoR^FnIRN=T6ewdHi-cukwFaeq2ga0DKmAAXtO4yqV-}-ho|)`L)r+p8Zk!qR!&!n^-"
    "T^u6PvfKQ^FI?LvH3Hg?GZfK)U!(aq9rmuZKLr8??+8QY_RZ~*4c!DVoJUBSR9uB5q)Erw1Z#^C?YCIYNsPRP!fsbL8NF_UM}!aa)MV?{BtS2{7K"
    "4*GM+XTCoe)(>vJcXo?ij3d&8OG0KLUzi<ERQz(|zO9p(ZKP1Th@#PuekXTfd!2?DmauHk@hOL+rl&7Y+k-BWvE7E?bm-NEqpawX*$I`_g29QFTT"
    "08DF>kP5_g>zeLW>piN1-p358CNO>}a^X!nQDL9p5-zd3kHRpX+yzq#_G}J#Oky99=5VG}<=HJq-88VUd|^hIu^JMpNuEO;Y-v%RgL6Q0xIwBMt5"
    "n2BT4%6*6Lsydkl}vPP!a?^*Ds%fos25m%UZj~a}}Qrd8#tbd@fhx^utsFhsB+#QXJxt|3j#_jCB)VX5%@RIiO8%X7Do$Z#EPHWuO>d{2t_hb;{F"
    ">T*)=3`yIHsZ9!hbh`L-bc2FP%7LW2-(!)6+Ipokyh$+3)TXwSk>?@#97eS4?%hSqlKiXqvX=uC$vO`L8>+HWlN%KSPN?-s000u>PX=VTbO-%qQ0"
    "00080099K00RI30096200000000"
)
"""128 x 96, six drawn garments."""

DEEP_GREY = base64.b85decode(
    "0000SW^{RQXk}@500000ZE0pPXk}@5ZE0a<0004ZZDn*}000000000XXk=`10000000000aA{+700000000000000000000B57=IV*mgE07O6l0R"
    "RC200001n*ad-00000002<{001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t000010002@X>f9I0002jX>en20001TXm(>"
    "m0R#vD005o%000009`FGC{QCL;01pFT0096OKmiN^|NjIC00093o%jF%0{{RXx&lC90096eLID8;2mk;B0G;>%00RI39>9VG6J@%&DXwe?00093$"
    "N&HX00=;000967L;=Bbz=;3=025<xY;ta6Y<K_x01W^JfB*mh6lrsCWdHyG00000KmY&$KmY&$C}V74Z~y=RKmY&$0RR91FaQ7m0RR91000000{{"
    "R2@Bjb+0ssI24sdCBX#fBK009aB000<iaBX1#00000000310R@2q0|kTt003ESWMOmw002!W0j>$~WP^daIfsg^>~vFb3*_uKESk|Sk&~;OS8f!8"
    "|K>HDIfTkv(8O}fZE>>rW5k3gc2lHS*L7;LB1xYx-I>E%^|f3Wj9~C^"
)
"""64 x 48 in 10 or more bits of grey, from black on the left to white on the right."""
