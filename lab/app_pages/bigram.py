import streamlit as st

st.title("bigram")
